"""Normalisation of log-mel values by their mean and standard deviation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from asda.features.clip_range import ClipRange
from asda.features.moments import Moments
from asda.files import InputError

SILENT_STD = 1e-4  # the rounded moments of equal values give a std of about 1e-7 instead of 0

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

    @property
    def fill(self) -> float:
        """Normalised value of padding, which consists of log-mel values of 0."""
        return self.offset


AnyNormalization = Normalization | ClipRange


def measured_normalization(moments: Moments, directory: Path) -> Normalization:
    """Return the normalisation by the moments of a data directory.

    Raises:
        InputError: if there are no values, or their standard deviation is 0 or not finite.
    """
    if moments.count == 0:
        raise InputError(f"{directory}: none of its audio can be used")
    if not SILENT_STD < moments.std < math.inf:
        raise InputError(
            f"{directory}: all its log-mel values have a standard deviation of"
            f" {moments.std:g}; check that its audio is not silent"
        )
    return Normalization(moments.mean, moments.std)


def normalization_of(values: Mapping[str, float]) -> AnyNormalization:
    """Return the normalisation that a model file records as its attributes.

    Raises:
        ValueError: if the attributes are not those of a normalisation.
    """
    if set(values) == {"range_db"}:
        return ClipRange(**values)
    mean, std = values["mean"], values["std"]
    if not (math.isfinite(mean) and 0 < std < math.inf):
        raise ValueError(f"normalisation by mean {mean} and standard deviation {std}")
    return Normalization(mean, std)
