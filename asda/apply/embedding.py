"""Embeddings of clips and of windows, and frame embeddings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from asda.apply.applying import Follow, followed
from asda.apply.inputs import AudioInput
from asda.audio.audio_error import AudioError
from asda.inference.audio_model import AudioModel, Window
from asda.inference.clip_outputs import by_clip
from asda.inference.computations import Computation, Layers


@dataclass(frozen=True)
class Embeddings:
    """Embeddings of one input.

    Args:
        values: (rows, width) float32
        times: in seconds: start and end of each row (rows, 2), or its centre (rows,) for frames
    """

    values: np.ndarray
    times: list[Any]


def embed(
    inputs: Sequence[AudioInput],
    follow: Follow,
    model: AudioModel,
    compute: Computation,
    window: float | None,
    hop: float | None,
    batch_size: int | None,
) -> Iterator[tuple[AudioInput, Embeddings | AudioError]]:
    """Yield one vector of each input, or one of each window, or why an input cannot be used.

    The vector of a clip that is longer than the model's longest input is the mean over its windows.

    Args:
        inputs: clips or recordings
        follow: called with (input, start, end, whether it is the last) after each window
        model: any
        compute: gives a vector of each window, see `asda.inference.computations`
        window: seconds of a window; None = one vector for each input
        hop: seconds from the start of a window to that of the next
        batch_size: windows per batch; None = chosen for the device
    """
    run = model.run([one.audio for one in inputs], compute, window, hop, batch_size)
    for clip in by_clip(followed(run, inputs, follow)):
        found = clip.error or _embeddings(clip.windows, window is None)
        yield inputs[clip.number], found


def embed_frames(
    inputs: Sequence[AudioInput],
    follow: Follow,
    model: AudioModel,
    layers: Layers,
    batch_size: int | None,
) -> Iterator[tuple[AudioInput, Embeddings | AudioError]]:
    """Yield the frame embeddings of each input, or why it cannot be used; see `embed`."""
    for one in inputs:
        try:
            frames = model.frames(one.audio, layers=layers, batch_size=batch_size)
        except AudioError as error:
            follow(one, 0.0, 0.0, True)
            yield one, error
            continue
        start = one.audio.start
        times = (frames.times.double() + start).tolist()
        follow(one, start, times[-1] if times else start, True)
        yield one, Embeddings(frames.features.numpy(), [round(time, 6) for time in times])


def _embeddings(windows: Sequence[Window], whole: bool) -> Embeddings:
    values = torch.stack([window.output for window in windows])
    times = [[round(window.start, 6), round(window.end, 6)] for window in windows]
    if whole:
        values, times = values.mean(0, keepdim=True), [[times[0][0], times[-1][1]]]
    return Embeddings(values.numpy(), times)
