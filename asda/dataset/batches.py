"""Clips to padded batches, and the loaders that training and scoring read them from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from asda.dataset.clips import Clip, Clips
from asda.dataset.sampling import TrainingBatches, scoring_batches
from asda.files import InputError


@dataclass
class Batch:
    """Clips of similar length, padded with zeros at the end.

    Attributes:
        features: (batch, frames, mel) float32
        num_frames: (batch,) int64 real frames, None when every frame is real
        targets: (batch, classes) float32 or None
        kept: visible patches (batch, clones, kept) int64, -1 where a clip has fewer; or None
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


def collate(clips: list[Clip]) -> Batch:
    """Pad clips to the longest of them; equal lengths need no padding and no `num_frames`."""
    lengths = [len(clip.features) for clip in clips]
    features = torch.zeros(len(clips), max(lengths), clips[0].features.shape[1])
    for row, clip in enumerate(clips):
        features[row, : lengths[row]] = torch.from_numpy(clip.features)
    ragged = len(set(lengths)) > 1
    return Batch(
        [clip.utterance for clip in clips],
        features,
        torch.tensor(lengths) if ragged else None,
        None if clips[0].target is None else torch.from_numpy(np.stack([c.target for c in clips])),
        None if clips[0].kept is None else _pad_kept([c.kept for c in clips]),
    )


def _pad_kept(rows: list[np.ndarray]) -> Tensor:
    widest = max(row.shape[1] for row in rows)
    padded = [np.pad(r, ((0, 0), (0, widest - r.shape[1])), constant_values=-1) for r in rows]
    return torch.from_numpy(np.stack(padded))


def training_loader(clips: Clips, seed: int, rank: int, world_size: int, start: int) -> DataLoader:
    """Return an endless loader that begins at batch `start`."""
    config = clips.config
    batches = TrainingBatches(
        clips.lengths,
        config.batch_size,
        seed,
        group_by_length=config.group_by_length,
        weights=clips.weights if config.sampling == "weighted" else None,
        draws=config.draws_per_epoch,
        rank=rank,
        world_size=world_size,
        start=start,
    )
    return _loader(clips, batches, config.workers)


def scoring_loader(clips: Clips, rank: int = 0, world_size: int = 1) -> DataLoader:
    """Return a loader that gives every clip once over all processes."""
    config = clips.config
    batches = scoring_batches(clips.lengths, config.batch_size, rank, world_size)
    return _loader(clips, batches, config.workers)


class _Loader(DataLoader):
    """Says what is wrong with a clip in one line even where a worker process found it."""

    def __iter__(self) -> Iterator[Batch]:
        try:
            yield from super().__iter__()
        except InputError as error:
            *_, line = str(error).splitlines()  # a worker's error comes with its traceback
            raise InputError(line.removeprefix("asda.files.InputError: ")) from None


def _loader(clips: Clips, batches, workers: int) -> DataLoader:
    return _Loader(
        clips,
        batch_sampler=batches,
        collate_fn=collate,
        num_workers=workers,
        pin_memory=torch.cuda.is_available(),
        persistent_workers=False,
        worker_init_fn=_one_thread,
    )


def _one_thread(_worker: int) -> None:
    torch.set_num_threads(1)
