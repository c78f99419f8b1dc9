"""Batches of windows as the network takes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from asda.inference.feature_windows import FeatureWindow

GROUPED = 4  # batches whose windows are sorted by length together, so that there is less padding


class ModelInput(NamedTuple):
    """Windows padded to a common length.

    Args:
        features: normalised (batch, frames, mel) float32
        num_frames: valid frames (batch,) int64 if the network must know of padding, else None
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
            padding for sound; None = padding to the longest of them, which is hidden from it
        device: of the result
    """
    lengths = [len(window) for window in features]
    least, value = fill or (0, 0.0)
    shape = len(features), max(least, *lengths), features[0].shape[1]
    batch = np.full(shape, value, np.float32)
    for rows, window in zip(batch, features, strict=True):
        rows[: len(window)] = window
    counts = torch.tensor(lengths, device=device)
    hidden = fill is None and len(set(lengths)) > 1
    return ModelInput(torch.from_numpy(batch).to(device), counts if hidden else None, counts)


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
