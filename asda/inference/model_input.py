"""Batches of windows as the network takes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from asda.files import InputError
from asda.inference.feature_windows import FeatureWindow

GROUPED = 4  # batches whose windows are sorted by length together, so that there is less padding


class ModelInput(NamedTuple):
    """Windows padded to a common length.

    Args:
        features: normalised (batch, frames, mel) float32
        num_frames: frames (batch,) int64 that the network sees of each window, if it sees fewer of
            some than there are in the batch, else None
        lengths: frames of each window before padding (batch,) int64
    """

    features: Tensor
    num_frames: Tensor | None
    lengths: Tensor


def padded(
    features: Sequence[np.ndarray], fill: tuple[int, float] | None, device: torch.device
) -> ModelInput:
    """Return windows as a batch.

    Args:
        features: of each window (frames, mel) float32
        fill: number of frames to which windows are filled up with a value, if the network takes
            padding for sound; None = no such filling. What is added up to the longest window of the
            batch is hidden from the network, since no window may depend on the others.
        device: of the result
    """
    lengths = [len(window) for window in features]
    least, value = fill or (0, 0.0)
    seen = [max(least, length) for length in lengths]
    batch = np.zeros((len(features), max(seen), features[0].shape[1]), np.float32)
    for rows, window, end in zip(batch, features, seen, strict=True):
        rows[: len(window)] = window
        rows[len(window) : end] = value
    num_frames = torch.tensor(seen, device=device) if len(set(seen)) > 1 else None
    counts = torch.tensor(lengths, device=device)
    return ModelInput(torch.from_numpy(batch).to(device), num_frames, counts)


def grouped(windows: Iterable[FeatureWindow], size: int) -> Iterator[list[FeatureWindow]]:
    """Yield windows in groups of `GROUPED` batches."""
    group = []
    for window in windows:
        group.append(window)
        if len(group) == GROUPED * size:
            yield group
            group = []
    if group:
        yield group


def by_length(group: Sequence[FeatureWindow], size: int) -> Iterator[list[int]]:
    """Yield the indices of windows with audio, as batches of similar length."""
    usable = [index for index, window in enumerate(group) if window.error is None]
    usable.sort(key=lambda index: len(group[index].features))
    for first in range(0, len(usable), size):
        yield usable[first : first + size]


def sample_counts(waveforms: Tensor, lengths: Tensor | None) -> list[int]:
    """Return the samples of each clip of a batch.

    Args:
        waveforms: padded at the end (clips, samples)
        lengths: samples of each clip (clips,); None = all

    Raises:
        InputError: if the shape, the type or the lengths do not fit.
    """
    shape = tuple(waveforms.shape)
    if len(shape) != 2 or not shape[0]:
        raise InputError(f"waveforms of shape {shape}; give a batch (clips, samples)")
    if not waveforms.is_floating_point():
        raise InputError(f"waveforms of {waveforms.dtype}; give floating-point samples in [-1, 1]")
    if lengths is None:
        return [shape[1]] * shape[0]
    if lengths.shape != shape[:1] or lengths.is_floating_point() or lengths.max() > shape[1]:
        raise InputError(
            f"lengths must be {shape[0]} numbers of samples, at most {shape[1]}, for waveforms of"
            f" shape {shape}"
        )
    return [int(length) for length in lengths.tolist()]
