"""Clips of several corpora in one sequence of batches, in which each corpus has its share."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from asda.dataset.clips import Clip, Clips

Keys = list[tuple[int, int]]  # (epoch, index) of the clips of a batch


class CorpusOrder:
    """The corpus that each batch of a run comes from.

    After any number of batches, the number of batches of each corpus differs by less than 1 from
    its share, and after as many batches as the shares add up to it equals the share. This is the
    solution of the chairman assignment problem by R. Tijdeman (Discrete Mathematics 32, 1980): of
    the corpora that may get the next batch without being too early, the one that would soonest be
    too late gets it.

    Args:
        shares: whole numbers, one for each corpus
    """

    def __init__(self, shares: Sequence[int]):
        self.shares = list(shares)
        self.period = sum(shares)
        self._slack = max(1, 2 * len(shares) - 2)

    def counts(self, batches: int) -> list[int]:
        """Return how many of the first batches come from each corpus."""
        periods, rest = divmod(batches, self.period)
        counts = [periods * share for share in self.shares]
        for number in itertools.islice(self._of_period(), rest):
            counts[number] += 1
        return counts

    def starting_at(self, batch: int) -> Iterator[int]:
        """Yield the number of the corpus of this batch and of all later ones."""
        endless = itertools.chain.from_iterable(self._of_period() for _ in itertools.count())
        yield from itertools.islice(endless, batch % self.period, None)

    def _of_period(self) -> Iterator[int]:
        had = [0] * len(self.shares)
        for batch in range(1, self.period + 1):
            number = self._next(batch, had)
            had[number] += 1
            yield number

    def _next(self, batch: int, had: Sequence[int]) -> int:
        """Return the corpus of a batch (from 1), given the number of batches that each has had."""
        due = [share * batch - self.period * n for share, n in zip(self.shares, had, strict=True)]
        allowed = [n for n, late in enumerate(due) if late * self._slack >= self.period]
        largest = self.period * (self._slack - 1)
        return min(allowed, key=lambda n: Fraction(largest - self._slack * due[n], self.shares[n]))


class CorpusNumber:
    """The number of the corpus that a clip comes from, the same for all clips of a batch."""

    name = "corpus"

    def __init__(self, number: int):
        self.number = number

    def of(self, utterance: str, num_frames: int, rng: np.random.Generator) -> np.ndarray:
        """Return a 0-d int64."""
        return np.array(self.number)

    def pad(self, rows: list[np.ndarray]) -> Tensor:
        """Return (batch,) int64."""
        return torch.from_numpy(np.stack(rows))


class Mixture(Dataset):
    """The training clips of several corpora, addressed by (epoch, index) like those of one.

    Each clip is what its own corpus makes of it: normalised by the moments of the corpus, with the
    same random draws as if the corpus were trained on alone.

    Args:
        parts: the clips of each corpus, opened with the same settings and kinds of targets
    """

    def __init__(self, parts: Sequence[Clips]):
        self.parts = parts
        self.starts = [0, *itertools.accumulate(len(part) for part in parts)]
        self.config, self.mel_bins = parts[0].config, parts[0].mel_bins
        self.targets = parts[0].targets

    def __len__(self) -> int:
        return self.starts[-1]

    def __getitem__(self, key: tuple[int, int]) -> Clip:
        epoch, index = key
        number = bisect.bisect_right(self.starts, index) - 1
        return self.parts[number][epoch, index - self.starts[number]]

    def mixed(self, batches: Sequence[Iterable[Keys]], order: Iterable[int]) -> Iterator[Keys]:
        """Yield batches of this mixture.

        Args:
            batches: endless batches of each corpus
            order: number of the corpus of each batch
        """
        streams = [iter(part) for part in batches]
        for number in order:
            first = self.starts[number]
            yield [(epoch, first + index) for epoch, index in next(streams[number])]
