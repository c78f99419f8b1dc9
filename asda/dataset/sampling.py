"""Which clips make up which batch: a function of seed, epoch and rank, so runs resume exactly."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

WINDOW = 32  # batches whose clips are sorted by length together


class TrainingBatches:
    """Endless batches of (epoch, clip index), the same for the same seed whatever was run before.

    Every process draws the same order and takes its own slice, so processes never share a draw
    within an update and all have equally many batches.

    With a buffer, clips come block by block: those of an epoch, in the order of the disk, are cut
    into blocks, blocks come in random order, and the clips of as many blocks as fill the buffer are
    shuffled. So a stretch of an epoch needs few stretches of the disk.

    Args:
        lengths: length of each clip in frames, (clips,)
        batch_size: clips per process and batch
        seed: seed of the order
        group_by_length: put clips of similar length into a batch
        weights: draw clips in proportion to these, (clips,), of which some are above 0: without
            replacement while fewer are drawn than have a weight, else with replacement
        draws: clips drawn per epoch (None = as many as there are)
        places: place of each clip on the disk among all, (clips,); for a buffer
        buffer: clips that are shuffled together (0 = all)
        block: clips that lie together
        rank, world_size: this process among all
        start: batches to skip, counted from the first of epoch 0
    """

    def __init__(
        self,
        lengths: np.ndarray,
        batch_size: int,
        seed: int,
        group_by_length: bool = True,
        weights: np.ndarray | None = None,
        draws: int | None = None,
        places: np.ndarray | None = None,
        buffer: int = 0,
        block: int = 1,
        rank: int = 0,
        world_size: int = 1,
        start: int = 0,
    ):
        self.lengths = np.asarray(lengths)
        self.batch_size = batch_size
        self.seed = seed
        self.group_by_length = group_by_length
        self.weights = None if weights is None else np.asarray(weights, dtype=np.float64)
        clips = len(self.lengths)
        self.draws = draws or clips
        if weights is None:
            self.draws = min(self.draws, clips)
        self.places = places
        self.buffer, self.block = buffer, block
        self.rank, self.world_size = rank, world_size
        self.start = start

    @property
    def batches_per_epoch(self) -> int:
        """Whole batches of an epoch; a list smaller than one batch gives one batch with repeats."""
        return max(1, self.draws // self._update)

    @property
    def _update(self) -> int:
        """Clips of a batch of all processes."""
        return self.batch_size * self.world_size

    @property
    def _together(self) -> int:
        """Batches that are shuffled together."""
        whole = self.batches_per_epoch
        return min(whole, max(1, self.buffer // self._update)) if self.buffer else whole

    def epoch(self, epoch: int) -> np.ndarray:
        """Return this process's clip indices of an epoch, (batches, batch_size) int64."""
        rng = np.random.default_rng((self.seed, epoch))
        order = self._draw(rng)
        if self.buffer:
            order = self._in_blocks(order, rng)
        order = np.resize(order, self.batches_per_epoch * self._update)
        if self.group_by_length:
            order = self._sorted_in_windows(order, min(WINDOW, self._together) * self._update)
        batches = order.reshape(self.batches_per_epoch, self._update)
        for first in range(0, len(batches), self._together):
            part = batches[first : first + self._together]
            part[:] = part[rng.permutation(len(part))]
        return batches[:, self.rank :: self.world_size]

    def groups(self) -> Iterator[tuple[int, np.ndarray]]:
        """Yield epoch and clip indices (batches, batch_size) of batches shuffled together."""
        epoch, skip = divmod(self.start, self.batches_per_epoch)
        while True:
            batches = self.epoch(epoch)
            for first in range(0, len(batches), self._together):
                group = batches[max(first, skip) : first + self._together]
                if len(group):
                    yield epoch, group
            epoch, skip = epoch + 1, 0

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        for epoch, group in self.groups():
            for batch in group:
                yield keys_of(epoch, batch)

    def _draw(self, rng: np.random.Generator) -> np.ndarray:
        if self.weights is None:
            return rng.permutation(len(self.lengths))
        if self.draws >= np.count_nonzero(self.weights):
            shares = self.weights / self.weights.sum()
            return rng.choice(len(shares), self.draws, p=shares)
        # Sorting by an exponential clock with rate w is drawing without replacement by weight w.
        with np.errstate(divide="ignore"):
            clocks = rng.exponential(size=len(self.weights)) / self.weights
        return np.argsort(clocks, kind="stable")[: self.draws]

    def _in_blocks(self, drawn: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return clips in the order that the class describes."""
        on_disk = drawn[np.argsort(self.places[drawn], kind="stable")]
        blocks = np.arange(len(on_disk)) // self.block
        turns = rng.permutation(blocks[-1] + 1)
        order = on_disk[np.argsort(turns[blocks], kind="stable")]
        for first in range(0, len(order), self.buffer):
            rng.shuffle(order[first : first + self.buffer])
        return order

    def _sorted_in_windows(self, order: np.ndarray, window: int) -> np.ndarray:
        parts = [order[i : i + window] for i in range(0, len(order), window)]
        return np.concatenate([p[np.argsort(self.lengths[p], kind="stable")] for p in parts])


def keys_of(epoch: int, batch: np.ndarray) -> list[tuple[int, int]]:
    """Return what `Clips` takes for the clip indices of a batch."""
    return [(epoch, index) for index in batch.tolist()]


def scoring_batches(
    lengths: np.ndarray, batch_size: int, rank: int = 0, world_size: int = 1
) -> list[list[tuple[int, int]]]:
    """Return batches that hold every clip once over all processes, similar lengths together."""
    order = np.argsort(np.asarray(lengths), kind="stable")[rank::world_size]
    return [
        [(0, int(index)) for index in order[i : i + batch_size]]
        for i in range(0, len(order), batch_size)
    ]
