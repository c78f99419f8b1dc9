"""Which clips make up which batch: a function of seed, epoch and rank, so runs resume exactly."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

WINDOW = 32  # batches whose clips are sorted by length together


class TrainingBatches:
    """Endless batches of (epoch, clip index), the same for the same seed whatever was run before.

    Every process draws the same order and takes its own slice, so processes never share a clip
    within an update and all have equally many batches.

    Args:
        lengths: length of each clip in frames, (clips,)
        batch_size: clips per process and batch
        seed: seed of the order
        group_by_length: put clips of similar length into a batch
        weights: draw clips without replacement in proportion to these, (clips,)
        draws: clips drawn per epoch when weighted (None = as many as there are)
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
        rank: int = 0,
        world_size: int = 1,
        start: int = 0,
    ):
        self.lengths = np.asarray(lengths)
        self.batch_size = batch_size
        self.seed = seed
        self.group_by_length = group_by_length
        self.weights = None if weights is None else np.asarray(weights, dtype=np.float64)
        self.draws = min(draws or len(self.lengths), len(self.lengths))
        self.rank, self.world_size = rank, world_size
        self.start = start

    @property
    def batches_per_epoch(self) -> int:
        """Whole batches of an epoch; a list smaller than one batch gives one batch with repeats."""
        return max(1, self.draws // (self.batch_size * self.world_size))

    def epoch(self, epoch: int) -> np.ndarray:
        """Return this process's clip indices of an epoch, (batches, batch_size) int64."""
        rng = np.random.default_rng((self.seed, epoch))
        order = self._draw(rng)
        size = self.batch_size * self.world_size
        order = np.resize(order, self.batches_per_epoch * size)
        if self.group_by_length:
            order = self._sorted_in_windows(order, WINDOW * size)
        batches = order.reshape(self.batches_per_epoch, size)
        batches = batches[rng.permutation(len(batches))]
        return batches[:, self.rank :: self.world_size]

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        epoch, skip = divmod(self.start, self.batches_per_epoch)
        while True:
            for batch in self.epoch(epoch)[skip:]:
                yield [(epoch, int(index)) for index in batch]
            epoch, skip = epoch + 1, 0

    def _draw(self, rng: np.random.Generator) -> np.ndarray:
        if self.weights is None:
            return rng.permutation(len(self.lengths))
        # Sorting by an exponential clock with rate w is drawing without replacement by weight w.
        with np.errstate(divide="ignore"):
            clocks = rng.exponential(size=len(self.weights)) / self.weights
        return np.argsort(clocks, kind="stable")[: self.draws]

    def _sorted_in_windows(self, order: np.ndarray, window: int) -> np.ndarray:
        parts = [order[i : i + window] for i in range(0, len(order), window)]
        return np.concatenate([p[np.argsort(self.lengths[p], kind="stable")] for p in parts])


def scoring_batches(
    lengths: np.ndarray, batch_size: int, rank: int = 0, world_size: int = 1
) -> list[list[tuple[int, int]]]:
    """Return batches that hold every clip once over all processes, similar lengths together."""
    order = np.argsort(np.asarray(lengths), kind="stable")[rank::world_size]
    return [
        [(0, int(index)) for index in order[i : i + batch_size]]
        for i in range(0, len(order), batch_size)
    ]
