"""The loaders that training and scoring read batches from."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch.utils.data import DataLoader

from asda.dataset.clips import Clips
from asda.dataset.collate import Batch, collate
from asda.dataset.feature_sources import DumpedFeatures
from asda.dataset.sampling import TrainingBatches, keys_of, scoring_batches
from asda.dataset.shared_memory import AHEAD, Sent, shared_memory
from asda.files import InputError


def training_loader(clips: Clips, seed: int, rank: int, world_size: int, start: int) -> DataLoader:
    """Return an endless loader that begins at batch `start`."""
    config = clips.config
    if config.shuffle_buffer_size and not isinstance(clips.features, DumpedFeatures):
        raise InputError("data.shuffle_buffer_size is for dumped features, not for audio")
    places = clips.features.places(clips.utterances) if config.shuffle_buffer_size else None
    batches = TrainingBatches(
        clips.lengths,
        config.batch_size,
        seed,
        group_by_length=config.group_by_length,
        weights=clips.weights if config.sampling == "weighted" else None,
        draws=config.draws_per_epoch,
        places=places,
        buffer=config.shuffle_buffer_size,
        block=config.shuffle_block,
        rank=rank,
        world_size=world_size,
        start=start,
    )
    return _loader(clips, batches if places is None else _ReadAhead(clips, batches), config.workers)


class _ReadAhead:
    """Training batches; what follows them is read into the system's cache meanwhile."""

    def __init__(self, clips: Clips, batches: TrainingBatches):
        self.clips, self.batches = clips, batches

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        groups = self.batches.groups()
        epoch, group = next(groups)
        self._read_ahead(self._on_disk(group))
        for next_epoch, next_group in groups:
            parts = np.array_split(self._on_disk(next_group), len(group))
            for batch, part in zip(group, parts, strict=True):
                self._read_ahead(part)
                yield keys_of(epoch, batch)
            epoch, group = next_epoch, next_group

    def _on_disk(self, group: np.ndarray) -> np.ndarray:
        clips = np.unique(group)
        return clips[np.argsort(self.batches.places[clips])]

    def _read_ahead(self, clips: np.ndarray) -> None:
        if len(clips):
            self.clips.features.read_ahead([self.clips.utterances[clip] for clip in clips])


def scoring_loader(clips: Clips, rank: int = 0, world_size: int = 1) -> DataLoader:
    """Return a loader that gives every clip once over all processes."""
    config = clips.config
    batches = scoring_batches(clips.lengths, config.batch_size, rank, world_size)
    return _loader(clips, batches, config.workers)


class _Loader(DataLoader):
    """Loader whose workers keep their memory; it says what is wrong with a clip in one line."""

    def __iter__(self) -> Iterator[Batch]:
        try:
            if self.num_workers:
                yield from self._from_workers()
            else:
                yield from super().__iter__()
        except InputError as error:
            *_, line = str(error).splitlines()  # a worker's error comes with its traceback
            raise InputError(line.removeprefix("asda.files.InputError: ")) from None

    def _from_workers(self) -> Iterator[Batch]:
        config = self.dataset.config
        values = config.batch_size * config.max_frames * self.dataset.mel_bins
        with shared_memory(self.num_workers, values) as self.collate_fn:
            for sent in super().__iter__():
                yield sent.receive() if isinstance(sent, Sent) else sent


def _loader(clips: Clips, batches, workers: int) -> DataLoader:
    return _Loader(
        clips,
        batch_sampler=batches,
        collate_fn=collate,
        num_workers=workers,
        prefetch_factor=AHEAD if workers else None,
        pin_memory=torch.cuda.is_available(),
        persistent_workers=False,
        worker_init_fn=_one_thread,
    )


def _one_thread(_worker: int) -> None:
    torch.set_num_threads(1)
