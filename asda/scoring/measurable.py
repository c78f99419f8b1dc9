"""The properties of metrics and systems that intervals, comparisons and tables need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Metric:
    """How a metric is printed, which values it can take, and which of them are good.

    Args:
        title: column title, with the unit, e.g. "WER %"
        higher_is_better: whether the better of two systems has the higher value
        low: smallest possible value, where intervals are clipped (None = unbounded)
        high: largest possible value (None = unbounded)
        factor: printed values are multiplied by it, e.g. 100 for per cent
        digits: decimal places of printed values
    """

    title: str
    higher_is_better: bool
    low: float | None = None
    high: float | None = None
    factor: float = 1
    digits: int = 3


class Measurable(Protocol):
    """The metrics of one system on one set of clips, under any weights of the clips.

    Everything that can be computed from per-clip numbers under weights fits. The bootstrap draws
    clips by weighting them, so this is all that intervals and paired differences need.
    """

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """The metrics that `measure` returns, in the order in which they are shown."""

    @property
    def main(self) -> str:
        """The metric that results are ranked by unless another one is chosen."""

    def __len__(self) -> int:
        """Return the number of clips."""

    def measure(self, weights: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """Return each metric, (weightings,) float64, NaN where it is undefined.

        Args:
            weights: (clips, weightings) float, how often each weighting counts each clip;
                None = one weighting that counts every clip once
        """
