"""Batches from worker processes to the training process.

PyTorch gives each tensor that leaves a worker new memory, and new memory that two processes share
takes longer to get than features take to read and decompress: 13 ms and 3 ms for 32 clips of 10 s.
So each worker has a few places for good; the training process copies features from there.
"""

from __future__ import annotations

import itertools
import math
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import get_worker_info

from asda.dataset.clips import Clip
from asda.dataset.collate import Batch, collate
from asda.files import InputError

SHARED = Path("/dev/shm")  # where the system has shared memory
AHEAD = 2  # batches that a worker prepares in advance
_numbers = itertools.count()
_memory: dict[int, Tensor] = {}  # of the loaders of this process


@dataclass
class Sent:
    """A batch on its way: its features are in a place, the others are here.

    Args:
        loader: number of the loader
        place: worker, and which of its places
        shape: of the features
        others: targets, real frames, visible patches
    """

    loader: int
    place: tuple[int, int]
    shape: tuple[int, ...]
    utterances: list[str]
    others: tuple[np.ndarray | None, ...]

    def receive(self) -> Batch:
        """Return the batch, out of the way of the worker."""
        batch = self._batch()
        # memory from numpy comes in larger pages, where the system has them
        batch.features = torch.from_numpy(batch.features.numpy().copy())
        return batch

    def pin_memory(self) -> Batch:
        """Called instead by the data loader for training on a GPU."""
        return self._batch().pin_memory()

    def _batch(self) -> Batch:
        memory = _memory[self.loader][self.place]
        features = memory[: np.prod(self.shape)].view(self.shape)
        others = (None if array is None else torch.from_numpy(array) for array in self.others)
        return Batch(self.utterances, features, *others)


class Collate:
    """Puts clips together in a worker process.

    Args:
        loader: number of the loader
        memory: (workers, places of a worker, values) float32, shared
    """

    def __init__(self, loader: int, memory: Tensor):
        self.loader, self.memory = loader, memory
        self.made = 0

    def __call__(self, clips: list[Clip]) -> Sent:
        place = get_worker_info().id, self.made % self.memory.shape[1]
        self.made += 1
        batch = collate(clips, self.memory[place])
        others = (batch.num_frames, batch.targets, batch.kept)
        arrays = tuple(None if tensor is None else tensor.numpy() for tensor in others)
        return Sent(self.loader, place, tuple(batch.features.shape), batch.utterances, arrays)


@contextmanager
def shared_memory(workers: int, values: int) -> Iterator[Collate]:
    """Make places for a loader with so many workers; they are not to be used afterwards.

    A worker begins a batch only when the training process has asked for its last but AHEAD, and so
    has copied the one before: AHEAD + 1 places are enough.

    Args:
        values: most values of the features of a batch
    """
    shape = workers, AHEAD + 1, values
    size = math.prod(shape) * torch.float32.itemsize
    _check_space(size)
    memory = torch.empty(0).set_(torch.UntypedStorage._new_shared(size), 0, shape)
    number = next(_numbers)
    _memory[number] = memory
    try:
        yield Collate(number, memory)
    finally:
        del _memory[number]


def _check_space(size: int) -> None:
    """Refuse more shared memory than there is: to write beyond it would kill the worker."""
    free = shutil.disk_usage(SHARED).free if SHARED.is_dir() else math.inf
    if size > free:
        raise InputError(
            f"{SHARED}: {free / 2**20:.0f} MiB free, but batches on their way from workers need "
            f"{size / 2**20:.0f} MiB: lower data.workers, data.batch_size or data.max_frames, or "
            "give the container more (docker run --shm-size)"
        )
