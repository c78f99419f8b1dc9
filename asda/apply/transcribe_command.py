"""What `asda transcribe` does with its options."""

from __future__ import annotations

import functools
import sys
import tempfile
from collections.abc import Sequence
from typing import Any

from asda.apply.applying import apply_to_all
from asda.apply.inputs import AudioInput, find_inputs, two_alike
from asda.apply.row_output import require_folder, row_output
from asda.apply.transcribe_options import TranscribeOptions
from asda.apply.transcribing import transcribe
from asda.apply.transcript_formats import file_key, transcript_formats
from asda.configuration import to_dict
from asda.digests import file_digest
from asda.distributed import start_process
from asda.files import InputError
from asda.inference.loading import load
from asda.inference.transcriber import Transcriber

RECORD = ".asda_transcribe"  # of a folder of subtitles


def transcribe_files(options: TranscribeOptions) -> None:
    """Transcribe the inputs.

    Raises:
        InputError: on options that do not fit the model or the inputs; at the end, if some inputs
            could not be used.
    """
    name = options.format_name(sys.stdout.isatty())
    _refuse_models(options.inputs)
    with tempfile.TemporaryDirectory(prefix="asda-") as temporary:
        inputs = find_inputs(options.inputs, temporary)
        form = transcript_formats([one.name for one in inputs])[name]
        require_folder(options.out, name, form, len(inputs))
        if form.order is not None:
            _check_keys(name, inputs)
        device = start_process(options.device, options.threads).device
        model = load(options.model, str(device), options.precision)
        transcriber = Transcriber(model, options.decoding, options.pause)
        digest = file_digest(model.saved.path)
        settings = _settings(options, digest)
        compute = functools.partial(
            transcribe,
            model=model,
            transcriber=transcriber,
            digest=digest,
            batch_size=options.batch_size,
        )
        models = [options.model]
        with row_output(
            options.out, form, inputs, models, settings, RECORD, "transcriptions"
        ) as output:
            apply_to_all(inputs, compute, output)


def _refuse_models(words: Sequence[str]) -> None:
    for word in words:
        if word.endswith(".pt"):
            raise InputError(f"{word}: a second model; give one model, then the audio")


def _check_keys(name: str, inputs: Sequence[AudioInput]) -> None:
    """Refuse files that would have the same name in a format without suffixes."""
    if alike := two_alike(inputs, lambda one: one.utterance or file_key(one.file)):
        raise InputError(
            f"{alike[0].name} and {alike[1].name} would have the same name in --format {name}; give"
            " them to separate calls"
        )


def _settings(options: TranscribeOptions, digest: str) -> dict[str, Any]:
    """Return all that the rows depend on besides the audio."""
    lm = options.decoding.lm
    decoding = to_dict(options.decoding) if options.decoding.method == "beam" else {}
    return {
        "model": digest,
        "decoding": decoding | {"lm": lm and file_digest(lm)},
        "pause": options.pause,
        "precision": options.precision,
    }
