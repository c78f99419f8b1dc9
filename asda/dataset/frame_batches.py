"""Batches of similar size in frames: few long clips or many short ones."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from asda.dataset.sampling import SORT_WINDOW, TrainingBatches, keys_of

Batches = list[np.ndarray]  # clip indices of each batch


class FrameBatches:
    """Endless batches of (epoch, clip index) that depend only on the seed; see `TrainingBatches`.

    The clips of an epoch are sorted by length within windows of the shuffled list and fill one
    batch after the other. Neighbouring batches go to the processes for one update, so that none
    waits long for another. Every clip that is drawn is used.

    Args:
        drawn: draws the clips of an epoch
        lengths: largest number of frames that each clip can have in a batch, (clips,)
        frames: largest number of frames of a batch of one process, with its padding
    """

    def __init__(self, drawn: TrainingBatches, lengths: np.ndarray, frames: int):
        self.drawn, self.lengths, self.frames = drawn, np.asarray(lengths), frames

    def epoch(self, epoch: int) -> Batches:
        """Return this process's clip indices of the batches of an epoch."""
        rng = np.random.default_rng((self.drawn.seed, epoch))
        world_size = self.drawn.world_size
        batches: Batches = []
        for window in self._windows(self.drawn.draw(rng)[: self.drawn.draws]):
            batches += self._filled(window[np.argsort(self.lengths[window], kind="stable")])
        batches = _divisible(batches, world_size)
        updates = rng.permutation(len(batches) // world_size)
        return [batches[update * world_size + self.drawn.rank] for update in updates]

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        skip = self.drawn.start
        for epoch in itertools.count():
            batches = self.epoch(epoch)
            for batch in batches[skip:]:
                yield keys_of(epoch, batch)
            skip = max(0, skip - len(batches))

    def _windows(self, order: np.ndarray) -> Batches:
        """Cut a list of clips into parts of as many frames as SORT_WINDOW batches have."""
        before = np.cumsum(self.lengths[order]) - self.lengths[order]
        window = before // (SORT_WINDOW * self.frames * self.drawn.world_size)
        return np.split(order, np.flatnonzero(np.diff(window)) + 1)

    def _filled(self, clips: np.ndarray) -> Batches:
        """Cut clips, shortest first, into batches of at most `frames` padded frames."""
        batches: Batches = []
        while len(clips):
            lengths = self.lengths[clips[: max(1, self.frames // self.lengths[clips[0]])]]
            padded = lengths * np.arange(1, len(lengths) + 1)
            count = max(1, int(np.searchsorted(padded, self.frames, side="right")))
            batches.append(clips[:count])
            clips = clips[count:]
        return batches


def _divisible(batches: Batches, number: int) -> Batches:
    """Halve batches of many clips until the number of batches is a multiple of `number`.

    If there are too few clips, batches are repeated instead.
    """
    while len(batches) % number:
        largest = max(range(len(batches)), key=lambda index: len(batches[index]))
        halves = np.array_split(batches[largest], 2)
        if not len(halves[1]):
            whole = -(-len(batches) // number) * number
            return list(itertools.islice(itertools.cycle(batches), whole))
        batches = [*batches[:largest], *halves, *batches[largest + 1 :]]
    return batches


def padding_share(batches: Batches, lengths: np.ndarray) -> float:
    """Return which part of the frames of padded batches is padding.

    Args:
        batches: clip indices of each
        lengths: frames of each clip, (clips,)
    """
    padded = sum(len(batch) * int(lengths[batch].max()) for batch in batches)
    return 1 - sum(int(lengths[batch].sum()) for batch in batches) / padded
