"""What `asda embed` does with its options."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from asda.apply.apply_options import EmbedOptions
from asda.apply.applying import Compute, apply_to_all
from asda.apply.embedding import Embeddings, embed, embed_frames
from asda.apply.embedding_files import check_keys, format_of
from asda.apply.embedding_output import EmbeddingOutput
from asda.apply.inputs import AudioInput, find_inputs, fingerprints_of
from asda.apply.record import recorded
from asda.apply.stored_embeddings import stored_embeddings
from asda.digests import file_digest
from asda.distributed import start_process
from asda.files import refuse_overwriting
from asda.inference.audio_model import AudioModel
from asda.inference.computations import embeddings, frame_embeddings
from asda.inference.loading import load


def embed_files(options: EmbedOptions) -> None:
    """Write the embeddings of the inputs.

    Raises:
        InputError: on options that do not fit the model or the inputs; at the end, if some inputs
            could not be used.
    """
    assert options.out is not None
    is_archive = format_of(options.out) == "ark"
    with tempfile.TemporaryDirectory(prefix="asda-") as temporary:
        inputs = find_inputs(options.inputs, temporary)
        if is_archive:
            check_keys(options.out, [one.name for one in inputs])
        device = start_process(options.device, options.threads).device
        model = load(options.model, str(device), options.precision)
        compute = _computation(model, options)
        refuse_overwriting(options.out, [options.model, *(one.file for one in inputs)])
        with _output(options, model, inputs) as output:
            apply_to_all(inputs, compute, output)


def _computation(model: AudioModel, options: EmbedOptions) -> Compute[Embeddings]:
    """Return what computes the vectors; wrong layers are refused here."""
    layers, size = options.layer_choice, options.batch_size
    if options.frames:
        frame_embeddings(model.network, layers, "mean")
        return functools.partial(embed_frames, model=model, layers=layers, batch_size=size)
    return functools.partial(
        embed,
        model=model,
        compute=embeddings(model.network, options.pooling, layers),
        window=options.window,
        hop=options.step,
        batch_size=size,
    )


@contextmanager
def _output(
    options: EmbedOptions, model: AudioModel, inputs: Sequence[AudioInput]
) -> Iterator[EmbeddingOutput]:
    out, vectors = Path(options.out or ""), options.window is None and not options.frames
    settings = _settings(options, model)
    with (
        recorded(f"{out}.done", settings, fingerprints_of(inputs)) as record,
        stored_embeddings(out, vectors) as stored,
    ):
        yield EmbeddingOutput(out, record, stored, vectors)


def _settings(options: EmbedOptions, model: AudioModel) -> dict[str, Any]:
    """Return all that the vectors depend on besides the audio."""
    return {
        "model": file_digest(model.saved.path),
        "pooling": options.pooling,
        "layers": options.layers,
        "frames": options.frames,
        "windows": [options.window, options.step],
        "precision": options.precision,
    }
