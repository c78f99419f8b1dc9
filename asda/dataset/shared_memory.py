"""Batches from worker processes to the training process through shared memory.

PyTorch allocates new shared memory for each tensor that leaves a worker. For 32 clips of 10 s this
takes 13 ms, and reading and decompressing their features takes 3 ms. So each worker here reuses a
few fixed slots for the features, and the training process copies them out.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import get_worker_info

from asda.dataset.clips import Clip
from asda.dataset.collate import Batch, Collate
from asda.files import InputError

SHARED = Path("/dev/shm")  # where Linux has its shared memory
AHEAD = 2  # batches that a worker prepares in advance


@dataclass
class SlotBatch:
    """A batch on its way from a worker: its features are in a slot, the rest travels with it.

    Attributes:
        worker: number of the worker
        slot: one of the slots of this worker
        shape: (batch, frames, mel) of the features
        utterances: as in `Batch`
        num_frames: as in `Batch`, as an array: a tensor would be moved to shared memory
        extras: as in `Batch`, as arrays
    """

    worker: int
    slot: int
    shape: tuple[int, ...]
    utterances: list[str]
    num_frames: np.ndarray | None
    extras: dict[str, np.ndarray]


class Slots:
    """Shared memory for the features of the batches that workers prepare.

    A worker starts a batch only after the training process has asked for the batch AHEAD before it,
    and thus has copied the one before that: AHEAD + 1 slots are enough.

    Args:
        workers: number of worker processes
        values: largest number of feature values of a batch

    Raises:
        InputError: if the system has less shared memory.
    """

    def __init__(self, workers: int, values: int):
        size = workers * (AHEAD + 1) * values * torch.float32.itemsize
        _check_space(size)
        # Tensor.share_memory_() would first allocate and then copy as much private memory. This
        # constructor is not public; it was checked with torch 2.11 to 2.14.
        storage = torch.UntypedStorage._new_shared(size)
        self.memory = torch.empty(0).set_(storage).view(workers, AHEAD + 1, values)

    def collect(self, sent: SlotBatch, pin: bool) -> Batch:
        """Return a batch with features copied out of its slot, to pinned memory if asked for."""
        slot = self.memory[sent.worker, sent.slot]
        batch = Batch(
            sent.utterances,
            slot[: math.prod(sent.shape)].view(sent.shape),
            None if sent.num_frames is None else torch.from_numpy(sent.num_frames),
            {name: torch.from_numpy(array) for name, array in sent.extras.items()},
        )
        if pin:
            return batch.pin_memory()
        # numpy's allocations use larger pages where the system has them.
        batch.features = torch.from_numpy(batch.features.numpy().copy())
        return batch


class SlotCollate:
    """Collates clips in a worker process, with features placed in the worker's slots in turn.

    Args:
        collate: pads and stacks clips
        slots: memory shared with the training process
    """

    def __init__(self, collate: Collate, slots: Slots):
        self.collate, self.slots = collate, slots
        self.batches = 0

    def __call__(self, clips: Sequence[Clip]) -> SlotBatch:
        info = get_worker_info()
        if info is None:
            raise RuntimeError("slots are only for worker processes")
        worker, slot = info.id, self.batches % (AHEAD + 1)
        self.batches += 1
        batch = self.collate(clips, self.slots.memory[worker, slot])
        return SlotBatch(
            worker,
            slot,
            tuple(batch.features.shape),
            batch.utterances,
            None if batch.num_frames is None else batch.num_frames.numpy(),
            {name: tensor.numpy() for name, tensor in batch.extras.items()},
        )


def _check_space(size: int) -> None:
    """Refuse to exceed the free shared memory: writing beyond it would kill the worker."""
    free = shutil.disk_usage(SHARED).free if SHARED.is_dir() else math.inf
    if size > free:
        raise InputError(
            f"{SHARED}: {free / 2**20:.0f} MiB free, but the batches of the workers need "
            f"{size / 2**20:.0f} MiB: lower data.workers, data.batch_size or data.max_frames, or "
            "give the container more (docker run --shm-size)"
        )
