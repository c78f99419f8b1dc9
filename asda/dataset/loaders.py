"""The loaders from which training and scoring take their batches."""

from __future__ import annotations

import warnings
from collections.abc import Generator, Iterable, Iterator, Sequence

import numpy as np
import torch
from torch.utils.data import DataLoader

from asda.dataset.clips import Clips
from asda.dataset.collate import Batch, Collate
from asda.dataset.feature_sources import OnDisk
from asda.dataset.frame_batches import FrameBatches, padding_share
from asda.dataset.mixture import CorpusOrder, Keys, Mixture
from asda.dataset.sampling import TrainingBatches, keys_of, scoring_batches
from asda.dataset.shared_memory import AHEAD, SlotBatch, SlotCollate, Slots
from asda.dataset.windows import Windows
from asda.files import InputError
from asda.stop_signals import ignore_stop_signals


class Loader:
    """Batches of clips, prepared by worker processes if there are any.

    Each iteration has its own workers and its own shared memory.

    Args:
        clips: clips, windows or clips of several corpora, addressed by (epoch, index)
        batches: which clips make up each batch
    """

    def __init__(self, clips: Clips | Windows | Mixture, batches: Iterable[Keys]):
        self.clips, self.batches = clips, batches

    @property
    def pin(self) -> bool:
        """Whether this process uses a GPU: page-locked memory would occupy an unused GPU."""
        return torch.cuda.is_initialized()

    def __iter__(self) -> Generator[Batch, None, None]:
        try:
            yield from self._from_workers() if self.clips.config.workers else self._from_here()
        except (InputError, OSError, RuntimeError) as error:
            raise _readable(error) from error.__cause__

    def _from_here(self) -> Iterator[Batch]:
        collate = Collate(self.clips.targets)
        for batch in DataLoader(self.clips, batch_sampler=self.batches, collate_fn=collate):
            yield batch.pin_memory() if self.pin else batch

    def _from_workers(self) -> Iterator[Batch]:
        config = self.clips.config
        frames = max(config.batch_size * config.max_frames, config.batch_frames or 0)
        values = frames * self.clips.mel_bins
        slots = Slots(config.workers, values)
        # A run warns of them in its own words, once.
        warnings.filterwarnings("ignore", "This DataLoader will create .* worker processes")
        loader = DataLoader(
            self.clips,
            batch_sampler=self.batches,
            collate_fn=SlotCollate(Collate(self.clips.targets), slots),
            num_workers=config.workers,
            prefetch_factor=AHEAD,
            worker_init_fn=_prepare_worker,
        )
        sent: SlotBatch
        for sent in loader:
            yield slots.collect(sent, self.pin)


def _readable(error: Exception) -> Exception:
    """Return an error of workers as one line; others as they are."""
    said = str(error)
    if isinstance(error, RuntimeError) and said.startswith("DataLoader worker"):
        return InputError(
            "a worker that prepares batches was killed, as happens if there is too little memory;"
            " lower data.workers or data.batch_size: the same command resumes"
        )
    if isinstance(error, (InputError, OSError)) and said.startswith("Caught "):
        *_, line = said.splitlines()  # it arrives with its traceback, and the name of its class
        return InputError(line.partition(": ")[2])
    return error


def _prepare_worker(_worker: int) -> None:
    ignore_stop_signals()  # the training process finishes its update first
    torch.set_num_threads(1)


def training_loader(clips: Clips, seed: int, rank: int, world_size: int, start: int) -> Loader:
    """Return an endless loader whose first batch is number `start`.

    Args:
        clips: training clips
        seed: seed of their order
        rank: this process
        world_size: number of processes
        start: batches of this process that a run has already used

    Raises:
        InputError: if clips are to be shuffled in blocks and their features are not on a disk.
    """
    return Loader(clips, _endless(clips, seed, rank, world_size, start))


def mixed_loader(
    mixture: Mixture, order: CorpusOrder, seed: int, rank: int, world_size: int, start: int
) -> Loader:
    """As `training_loader`, of several corpora; each batch comes from one of them.

    Batches of one corpus need less padding than mixed ones if lengths differ between corpora, and
    a corpus of long clips does not outweigh the others in the loss.

    Args:
        mixture: training clips
        order: the corpus of each batch
    """
    counts = order.counts(start)
    parts = [
        _endless(clips, seed, rank, world_size, count)
        for clips, count in zip(mixture.parts, counts, strict=True)
    ]
    return Loader(mixture, mixture.mixed(parts, order.starting_at(start)))


def _endless(clips: Clips, seed: int, rank: int, world_size: int, start: int) -> Iterable[Keys]:
    """Return the batches of `training_loader`."""
    process = {"rank": rank, "world_size": world_size, "start": start}
    if not clips.config.shuffle_buffer_size:
        return _any_order(clips, seed, process)
    source = clips.features
    if not isinstance(source, OnDisk):
        raise InputError("data.shuffle_buffer_size is for dumped features, not for audio")
    disk_order = source.disk_order(clips.utterances)
    batches = _training_batches(clips, seed, disk_order, **process)
    return _ReadAhead(batches, clips.utterances, source, disk_order)


def epoch_padding(clips: Clips, seed: int) -> float:
    """Return which part of the frames of the batches of the first epoch is padding.

    Random changes and the number of processes, which alter it little, are left out.
    """
    batches = _any_order(clips, seed, {})
    return padding_share(list(batches.epoch(0)), clips.lengths)


def _any_order(clips: Clips, seed: int, process: dict[str, int]) -> TrainingBatches | FrameBatches:
    """Return batches whose clips may lie anywhere on the disk."""
    batches = _training_batches(clips, seed, None, **process)
    if clips.config.batch_frames is None:
        return batches
    return FrameBatches(batches, clips.longest, clips.config.batch_frames)


def _training_batches(
    clips: Clips, seed: int, disk_order: np.ndarray | None, **process: int
) -> TrainingBatches:
    config = clips.config
    return TrainingBatches(
        clips.lengths,
        config.batch_size,
        seed,
        group_by_length=config.group_by_length,
        weights=None if config.sampling == "uniform" else clips.weights,
        draws=config.draws_per_epoch,
        disk_order=disk_order,
        buffer=config.shuffle_buffer_size,
        block=config.shuffle_block,
        **process,
    )


class _ReadAhead:
    """Training batches; while they are used, the following ones are read into the system's cache.

    Args:
        batches: shuffled in blocks
        utterances: IDs of the clips
        source: their features
        disk_order: rank of each clip on disk
    """

    def __init__(
        self,
        batches: TrainingBatches,
        utterances: Sequence[str],
        source: OnDisk,
        disk_order: np.ndarray,
    ):
        self.batches, self.utterances = batches, utterances
        self.source, self.disk_order = source, disk_order

    def __iter__(self) -> Iterator[Keys]:
        groups = self.batches.groups()
        epoch, group = next(groups)
        self._read_ahead(self._in_disk_order(group))
        for next_epoch, next_group in groups:
            parts = np.array_split(self._in_disk_order(next_group), len(group))
            for batch, part in zip(group, parts, strict=True):
                self._read_ahead(part)
                yield keys_of(epoch, batch)
            epoch, group = next_epoch, next_group

    def _in_disk_order(self, group: np.ndarray) -> np.ndarray:
        clips = np.unique(group)
        return clips[np.argsort(self.disk_order[clips])]

    def _read_ahead(self, clips: np.ndarray) -> None:
        if len(clips):
            self.source.read_ahead([self.utterances[clip] for clip in clips])


def scoring_loader(clips: Clips, rank: int = 0, world_size: int = 1) -> Loader:
    """Return a loader that gives every clip once over all processes."""
    return Loader(clips, scoring_batches(clips.lengths, clips.config.batch_size, rank, world_size))


def window_loader(clips: Clips, rank: int = 0, world_size: int = 1) -> Iterable[Batch]:
    """Return the windows that `scoring_loader` leaves out, over all processes.

    There are none if no clip is longer than data.max_frames, or with data.long_clips "start".
    """
    if clips.config.long_clips == "start":
        return ()
    windows, size = Windows(clips, rank, world_size), clips.config.batch_size
    keys = [(0, number) for number in range(len(windows))]
    batches = [keys[first : first + size] for first in range(0, len(keys), size)]
    return Loader(windows, batches) if batches else ()
