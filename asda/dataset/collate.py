"""Clips to padded batches."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from asda.dataset.clips import Clip
from asda.dataset.feature_sources import naming
from asda.dataset.targets import Target
from asda.files import InputError


@dataclass
class Batch:
    """Clips of similar length, padded with zeros at the end.

    Attributes:
        utterances: IDs of the clips
        features: (batch, frames, mel) float32
        num_frames: (batch,) int64 valid frames; None when all frames are valid
        extras: target name -> what the clips carry in addition to features, batch first
    """

    utterances: list[str]
    features: Tensor
    num_frames: Tensor | None
    extras: dict[str, Tensor] = field(default_factory=dict)

    def to(self, device: torch.device) -> Batch:
        """Return the batch on `device`, copied asynchronously where memory is pinned."""
        return self._each(lambda tensor: tensor.to(device, non_blocking=True))

    def pin_memory(self) -> Batch:
        """Return the batch in page-locked memory, which a GPU can copy from asynchronously."""
        return self._each(Tensor.pin_memory)

    def _each(self, change: Callable[[Tensor], Tensor]) -> Batch:
        return Batch(
            self.utterances,
            change(self.features),
            None if self.num_frames is None else change(self.num_frames),
            {name: change(tensor) for name, tensor in self.extras.items()},
        )


class Collate:
    """Pads clips to the longest of them and stacks them.

    Args:
        targets: how the extras of a batch are padded
    """

    def __init__(self, targets: Sequence[Target] = ()):
        self.targets = targets

    def __call__(self, clips: Sequence[Clip], memory: Tensor | None = None) -> Batch:
        """Return a batch; clips of equal length need no padding and no `num_frames`.

        Args:
            clips: one or more
            memory: (values,) float32 to place the features in; None = new memory

        Raises:
            InputError: naming the utterance, if its features cannot be read, or have another number
                of mel bins than those of the first.
        """
        lengths = [clip.shape[0] for clip in clips]
        shape = len(clips), max(lengths), clips[0].shape[1]
        if memory is None:  # numpy's allocations use larger pages where the system has them
            features = torch.from_numpy(np.empty(shape, np.float32))
        else:
            features = memory[: math.prod(shape)].view(shape)
        for clip, length, rows in zip(clips, lengths, features.numpy(), strict=True):
            if clip.shape[1] != shape[2]:
                raise InputError(
                    f"'{clip.utterance}' has {clip.shape[1]} mel bins, but '{clips[0].utterance}' "
                    f"of the same batch has {shape[2]}"
                )
            with naming(clip.utterance):
                clip.features.read_into(rows[:length])
            rows[length:] = 0
        return Batch(
            [clip.utterance for clip in clips],
            features,
            torch.tensor(lengths) if len(set(lengths)) > 1 else None,
            {
                target.name: target.pad([clip.extras[target.name] for clip in clips])
                for target in self.targets
            },
        )
