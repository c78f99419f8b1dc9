"""Normalisation of log-mel values by their mean and standard deviation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np

T = TypeVar("T", float, np.ndarray)


@dataclass(frozen=True)
class Normalization:
    """Normalised features are (x - mean) / (2 * std) (docs/algorithm.md#features).

    Args:
        mean: mean of log-mel values
        std: their standard deviation, above 0
    """

    mean: float
    std: float

    def __call__(self, log_mel: T) -> T:
        """Return normalised values of any shape."""
        return (log_mel - self.mean) / (2 * self.std)

    @property
    def scale(self) -> float:
        """Slope of the formula, for readers that apply it as scale * x + offset in one pass."""
        return 1 / (2 * self.std)

    @property
    def offset(self) -> float:
        """Normalised value of a log-mel value of 0."""
        return self(0.0)
