"""Sums over log-mel values, from which any list of clips gets its mean and deviation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from asda.files import InputError, numbered_lines


@dataclass(frozen=True)
class Moments:
    """Number, sum and sum of squares of values."""

    count: int
    total: float
    total_of_squares: float

    @classmethod
    def of(cls, matrix: np.ndarray) -> Moments:
        """Return the moments of all values of a matrix, summed in float64."""
        values = matrix.astype(np.float64).ravel()
        return cls(values.size, float(values.sum()), float(values @ values))

    def __add__(self, other: Moments) -> Moments:
        return Moments(
            self.count + other.count,
            self.total + other.total,
            self.total_of_squares + other.total_of_squares,
        )

    @property
    def mean(self) -> float:
        return self.total / self.count

    @property
    def std(self) -> float:
        """Population standard deviation."""
        return math.sqrt(max(0.0, self.total_of_squares / self.count - self.mean**2))

    def __str__(self) -> str:
        return f"{self.count} {self.total:.17g} {self.total_of_squares:.17g}"

    @classmethod
    def parse(cls, text: str) -> Moments:
        """Undo `str`."""
        count, total, squares = text.split()
        return cls(int(count), float(total), float(squares))


def read_moments(path: str | Path) -> dict[str, Moments]:
    """Read `utterance count sum sum_of_squares` lines."""
    table = {}
    for number, line in numbered_lines(path):
        utterance, _, rest = line.partition(" ")
        try:
            table[utterance] = Moments.parse(rest)
        except ValueError:
            raise InputError(f"{path}:{number}: not 'utterance count sum sum_of_squares'") from None
    return table
