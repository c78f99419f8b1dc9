"""One pass of a frozen encoder over the audio of a data directory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
import torch
from torch import Tensor

from asda.audio.audio_error import AudioError
from asda.audio.wav_scp import AudioSegment
from asda.files import InputError, listed, readable_size
from asda.inference.audio_model import AudioModel
from asda.inference.clip_outputs import utterance_outputs
from asda.inference.computations import Computation, encoder_of
from asda.inference.model_input import ModelInput
from asda.model.pooling import Layer, pool, take_layers
from asda.probing.clip_embeddings import Contents

FORESEEN = 32  # clips after which the size of all of them is foreseen


class WindowEmbeddings(NamedTuple):
    """What is kept of one window.

    Attributes:
        pooled: (layers, 3, width) float32, as in `ClipEmbeddings`
        tokens: patches that cover audio (patches, layers, width) float16; None = not kept
    """

    pooled: np.ndarray
    tokens: np.ndarray | None


class Passed(NamedTuple):
    """What a pass has found; tokens are in the file that it has written.

    Attributes:
        utterances: IDs of the clips whose audio can be used
        bad: utterance -> reason of the others
        pooled: (clips, layers, 3, width) float32
        lengths: patch tokens of each clip (clips,) int64
    """

    utterances: list[str]
    bad: dict[str, str]
    pooled: np.ndarray
    lengths: np.ndarray


def window_embeddings(model: AudioModel, contents: Contents) -> Computation:
    """Return the computation of `WindowEmbeddings` for the windows of a batch."""
    encoder = encoder_of(model.network)

    def compute(batch: ModelInput) -> list[WindowEmbeddings]:
        found = take_layers(encoder.layers(batch.features, batch.num_frames), contents.layers)
        layers = [found[number] for number in contents.layers]
        pooled = torch.stack([_pooled(layer) for layer in layers], dim=1).float().cpu().numpy()
        if not contents.tokens:
            return [WindowEmbeddings(rows, None) for rows in pooled]
        stacked = torch.stack([layer.patches for layer in layers], dim=2)
        tokens = stacked.to(torch.float16).cpu().numpy()
        # The network of a model with `padding: fill` takes padding for sound; probes do not.
        counts = encoder.patches.valid(batch.lengths, tokens.shape[1]).sum(dim=1).tolist()
        return [
            WindowEmbeddings(vectors, rows[:count])
            for vectors, rows, count in zip(pooled, tokens, counts, strict=True)
        ]

    return compute


def _pooled(layer: Layer) -> Tensor:
    """Return CLS token, mean and standard deviation, (batch, 3, width)."""
    mean, std = pool(layer, "statistics").chunk(2, dim=1)
    cls = torch.zeros_like(mean) if layer.cls is None else layer.cls
    return torch.stack([cls, mean, std], dim=1)


class EmbeddingPass:
    """Embeds clips one after the other; their tokens go to a file, so memory stays small.

    Args:
        model: the model
        contents: what is kept
        limit: largest size of the result in bytes
        where: the data directory, for messages
    """

    def __init__(self, model: AudioModel, contents: Contents, limit: float, where: Path):
        self.model, self.contents, self.limit, self.where = model, contents, limit, where
        self.written = 0

    def run(self, segments: Mapping[str, AudioSegment], stream: IO[bytes]) -> Passed:
        """Embed all clips.

        Args:
            segments: utterance -> its audio
            stream: to which the tokens of all clips are written, if they are kept

        Raises:
            InputError: if the result would be larger than the limit, or no clip can be used.
        """
        bad: dict[str, str] = {}
        pooled: dict[str, np.ndarray] = {}
        lengths: list[int] = []
        compute = window_embeddings(self.model, self.contents)
        clips = utterance_outputs(self.model, segments, compute, title=str(self.where))
        for utterance, outputs in clips:
            if isinstance(outputs, AudioError):
                bad[utterance] = str(outputs)
                continue
            pooled[utterance], length = self._clip(outputs, stream)
            lengths.append(length)
            self._refuse_large(len(pooled), len(segments))
        if not pooled:
            reasons = [f"'{name}': {reason}" for name, reason in bad.items()]
            raise InputError(
                f"{self.where}: the audio of none of its {len(segments)} clips can be used;"
                f" {listed(reasons, 1)}"
            )
        table = np.stack(list(pooled.values()))
        return Passed(list(pooled), bad, table, np.array(lengths, np.int64))

    def _clip(self, windows: list[WindowEmbeddings], stream: IO[bytes]) -> tuple[np.ndarray, int]:
        """Return the vectors of a clip, the mean of those of its windows, and how many tokens."""
        pooled = np.mean([one.pooled for one in windows], axis=0)
        self.written += pooled.nbytes
        length = 0
        for one in windows:
            if one.tokens is not None:
                stream.write(np.ascontiguousarray(one.tokens).data)
                self.written += one.tokens.nbytes
                length += len(one.tokens)
        return pooled, length

    def _refuse_large(self, done: int, total: int) -> None:
        size = self.written * max(1.0, total / done)
        if size > self.limit and (done >= min(FORESEEN, total) or self.written > self.limit):
            raise InputError(
                f"{self.where}: the embeddings of {total} clips would take {readable_size(size)},"
                f" more than --cache-limit {self.limit / 1e9:g} GB; raise it, name fewer --layers,"
                " or leave out the probes attentive and prototype, which need all tokens"
            )
