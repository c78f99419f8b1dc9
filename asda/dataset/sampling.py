"""Which clips make up which batch: a function of seed, epoch and rank, so runs resume exactly."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

SORT_WINDOW = 32  # batches whose clips are sorted by length together


class TrainingBatches:
    """Endless batches of (epoch, clip index) that depend only on the seed.

    All processes draw the same order and each takes its own slice of it. So no two processes see
    the same draw within an update, and all have the same number of batches.

    With a buffer, clips come block by block: the clips of an epoch, in their order on disk, are cut
    into blocks; the blocks come in random order; and the clips of as many blocks as fill the buffer
    are shuffled together. So consecutive batches read from few regions of the disk.

    Args:
        lengths: frames of each clip, (clips,)
        batch_size: clips per process and batch
        seed: seed of the order
        group_by_length: put clips of similar length into a batch
        weights: draw clips in proportion to these, (clips,), some of which are above 0: without
            replacement while fewer are drawn than have a weight above 0, else with replacement
        draws: clips drawn per epoch (None = the number of clips)
        disk_order: rank of each clip on disk, (clips,), if clips come in blocks
        buffer: clips that are shuffled together in blocks (0 without `disk_order`)
        block: clips per block
        rank: this process
        world_size: number of processes
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
        disk_order: np.ndarray | None = None,
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
        self.disk_order = disk_order
        self.buffer, self.block = buffer, block
        self.rank, self.world_size = rank, world_size
        self.start = start

    @property
    def batches_per_epoch(self) -> int:
        """Full batches per epoch; a list smaller than one batch gives one batch with repeats."""
        return max(1, self.draws // self._global_batch_size)

    @property
    def _global_batch_size(self) -> int:
        """Clips per batch of all processes together."""
        return self.batch_size * self.world_size

    @property
    def _shuffle_group(self) -> int:
        """Number of batches that are shuffled together."""
        whole = self.batches_per_epoch
        return min(whole, max(1, self.buffer // self._global_batch_size)) if self.buffer else whole

    def epoch(self, epoch: int) -> np.ndarray:
        """Return this process's clip indices of an epoch, (batches, batch_size) int64."""
        rng = np.random.default_rng((self.seed, epoch))
        order = self.draw(rng)
        if self.disk_order is not None:
            order = self._in_blocks(order, self.disk_order, rng)
        order = np.resize(order, self.batches_per_epoch * self._global_batch_size)
        if self.group_by_length:
            order = self._sorted_in_windows(
                order, min(SORT_WINDOW, self._shuffle_group) * self._global_batch_size
            )
        batches = order.reshape(self.batches_per_epoch, self._global_batch_size)
        for first in range(0, len(batches), self._shuffle_group):
            part = batches[first : first + self._shuffle_group]
            part[:] = part[rng.permutation(len(part))]
        return batches[:, self.rank :: self.world_size]

    def groups(self) -> Iterator[tuple[int, np.ndarray]]:
        """Yield epoch and clip indices (batches, batch_size) of each group shuffled together."""
        epoch, skip = divmod(self.start, self.batches_per_epoch)
        while True:
            batches = self.epoch(epoch)
            for first in range(0, len(batches), self._shuffle_group):
                group = batches[max(first, skip) : first + self._shuffle_group]
                if len(group):
                    yield epoch, group
            epoch, skip = epoch + 1, 0

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        for epoch, group in self.groups():
            for batch in group:
                yield keys_of(epoch, batch)

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """Return the clip indices that are drawn for an epoch, in a random order."""
        if self.weights is None:
            return rng.permutation(len(self.lengths))
        if self.draws >= np.count_nonzero(self.weights):
            probabilities = self.weights / self.weights.sum()
            return rng.choice(len(probabilities), self.draws, p=probabilities)
        # Clips in the order of exponential waiting times with rate w are a weighted draw without
        # replacement.
        with np.errstate(divide="ignore"):
            times = rng.exponential(size=len(self.weights)) / self.weights
        return np.argsort(times, kind="stable")[: self.draws]

    def _in_blocks(
        self, drawn: np.ndarray, disk_order: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """Return the drawn clips block by block, as the class describes."""
        on_disk = drawn[np.argsort(disk_order[drawn], kind="stable")]
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
    """Return the items of `Clips` for the clip indices of a batch."""
    return [(epoch, index) for index in batch.tolist()]


def scoring_batches(
    lengths: np.ndarray, batch_size: int, rank: int = 0, world_size: int = 1
) -> list[list[tuple[int, int]]]:
    """Return batches with every clip once over all processes, clips of similar length together."""
    order = np.argsort(np.asarray(lengths), kind="stable")[rank::world_size]
    return [
        [(0, int(index)) for index in order[i : i + batch_size]]
        for i in range(0, len(order), batch_size)
    ]
