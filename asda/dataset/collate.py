"""Clips to padded batches."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from asda.dataset.clips import Clip


@dataclass
class Batch:
    """Clips of similar length, padded with zeros at the end.

    Attributes:
        features: (batch, frames, mel) float32
        num_frames: (batch,) int64 real frames, None when every frame is real
        targets: (batch, classes) float32 or None
        kept: visible patches (batch, num_masks, kept) int64, -1 where a clip has fewer; or None
    """

    utterances: list[str]
    features: Tensor
    num_frames: Tensor | None
    targets: Tensor | None
    kept: Tensor | None

    def to(self, device: torch.device) -> Batch:
        """Return the batch on `device`, copied without waiting where memory is pinned."""
        return self._each(lambda tensor: tensor.to(device, non_blocking=True))

    def pin_memory(self) -> Batch:
        """Called by the data loader for training on a GPU."""
        return self._each(Tensor.pin_memory)

    def _each(self, change: Callable[[Tensor], Tensor]) -> Batch:
        tensors = (self.features, self.num_frames, self.targets, self.kept)
        return Batch(self.utterances, *(None if t is None else change(t) for t in tensors))


def collate(clips: list[Clip], memory: Tensor | None = None) -> Batch:
    """Pad clips to the longest of them; equal lengths need no padding and no `num_frames`.

    Args:
        memory: (values,) float32 that the features are put into; None = new memory
    """
    lengths = [clip.shape[0] for clip in clips]
    shape = len(clips), max(lengths), clips[0].shape[1]
    if memory is None:  # from numpy, which gets it in larger pages where the system has them
        features = torch.from_numpy(np.empty(shape, np.float32))
    else:
        features = memory[: math.prod(shape)].view(shape)
    for clip, length, rows in zip(clips, lengths, features.numpy(), strict=True):
        clip.write(rows[:length])
        rows[length:] = 0
    ragged = len(set(lengths)) > 1
    return Batch(
        [clip.utterance for clip in clips],
        features,
        torch.tensor(lengths) if ragged else None,
        None if clips[0].target is None else torch.from_numpy(np.stack([c.target for c in clips])),
        None if clips[0].kept is None else _pad_visible([c.kept for c in clips]),
    )


def _pad_visible(rows: list[np.ndarray]) -> Tensor:
    num_masks, widest = len(rows[0]), max(row.shape[1] for row in rows)
    padded = torch.full((len(rows), num_masks, widest), -1)
    for row, kept in zip(padded.numpy(), rows, strict=True):
        row[:, : kept.shape[1]] = kept
    return padded
