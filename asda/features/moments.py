"""Count, sum and sum of squares of features, which give their mean and standard deviation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from asda.corpus.datadir import DataDir, read_table
from asda.files import InputError


@dataclass(frozen=True)
class Moments:
    """Moments of a set of values; those of several utterances add up.

    Args:
        count: number of values
        total: their sum
        total_of_squares: sum of their squares
    """

    count: int
    total: float
    total_of_squares: float

    @classmethod
    def of(cls, matrix: np.ndarray) -> Moments:
        """Return the moments of all values of an array, summed in float64."""
        values = matrix.astype(np.float64).ravel()
        # Not `values @ values`: its last bits depend on the number of threads, which also wait for
        # each other when several threads or jobs compute moments.
        return cls(values.size, float(values.sum()), float(np.square(values).sum()))

    @classmethod
    def parse(cls, text: str) -> Moments:
        """Return the moments from what `str` gives.

        Raises:
            ValueError: if the text is not three finite numbers, the count being 1 or more.
        """
        count, total, squares = text.split()
        moments = cls(int(count), float(total), float(squares))
        if moments.count < 1 or not math.isfinite(moments.total + moments.total_of_squares):
            raise ValueError(f"not moments: {text}")
        return moments

    def __add__(self, other: Moments) -> Moments:
        return Moments(
            self.count + other.count,
            self.total + other.total,
            self.total_of_squares + other.total_of_squares,
        )

    @property
    def mean(self) -> float:
        """Mean of the values; the count must not be 0."""
        return self.total / self.count

    @property
    def std(self) -> float:
        """Population standard deviation."""
        return max(0.0, self.total_of_squares / self.count - self.mean**2) ** 0.5

    def __str__(self) -> str:
        return f"{self.count} {self.total:.17g} {self.total_of_squares:.17g}"


def read_moments(path: str | Path) -> dict[str, Moments]:
    """Read lines `utterance count sum sum_of_squares`.

    Raises:
        InputError: if the file is missing or a line has another form.
    """
    return {key: parsed_moments(Path(path), key, text) for key, text in read_table(path).items()}


def parsed_moments(path: Path, utterance: str, text: str) -> Moments:
    """Return the moments of a line of a table.

    Raises:
        InputError: naming the line, if it has another form.
    """
    try:
        return Moments.parse(text)
    except ValueError:
        raise InputError(
            f"{DataDir(path.parent).where(path.name, utterance)}: expected "
            f"'utterance count sum sum_of_squares' with finite numbers, found "
            f"'{utterance} {text}'"
        ) from None
