"""Metrics that are ratios of sums over clips, such as error rates and mean errors."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from asda.scoring.measurable import Metric
from asda.scoring.scored_set import ScoredSet, refuse_unmeasurable


@dataclass
class Ratio:
    """A metric whose value is the sum of numerators over the sum of denominators.

    Args:
        numerators: (clips,) float, e.g. the word errors of each clip, or its absolute error
        denominators: (clips,) float, e.g. the words of each reference; a number holds for every
            clip, so that 1 makes the ratio a mean over clips
        metric: how it is printed, and its range
    """

    numerators: np.ndarray
    denominators: np.ndarray | float
    metric: Metric


@dataclass
class UtteranceRatios(ScoredSet):
    """Numerators and denominators of ratio metrics for each clip, and the truth.

    Args:
        utterances: (clips,) str
        true: (clips,) or (clips, ...) str or numbers, e.g. reference transcripts or true
            durations; systems are compared only if theirs are equal
        ratios: the metrics by their names; results are ranked by the first

    Raises:
        InputError: if there are no clips, or values that are not finite numbers.
        ValueError: if the shapes do not match.
    """

    kind = "ratios"
    per_clip = ("utterances", "true", "numerators", "denominators")
    columns_name = "list of metrics"

    utterances: np.ndarray
    true: np.ndarray
    ratios: Mapping[str, Ratio]

    def __post_init__(self) -> None:
        self.utterances, true = np.asarray(self.utterances), np.asarray(self.true)
        self.true = true.astype(str if true.dtype.kind in "US" else np.float64)
        clips = len(self.utterances)
        if len(self.true) != clips:
            raise ValueError(f"{clips} utterances, but the truth of {len(self.true)}")
        if not self.ratios:
            raise ValueError("no metrics; give at least one ratio")
        self.numerators = self._columns([ratio.numerators for ratio in self.ratios.values()])
        self.denominators = self._columns([ratio.denominators for ratio in self.ratios.values()])
        values = np.concatenate([self.numerators, self.denominators], axis=1)
        refuse_unmeasurable(self.utterances, values, "numerators or denominators")

    def _columns(self, values: list[np.ndarray] | list[np.ndarray | float]) -> np.ndarray:
        """Return values of each metric as the columns of (clips, metrics) float64."""
        shape = (len(self.utterances),)
        columns = [np.broadcast_to(np.asarray(each, np.float64), shape) for each in values]
        return np.stack(columns, axis=1)

    @property
    def columns(self) -> list[str]:
        return list(self.ratios)

    def same_truth(self, other: UtteranceRatios) -> np.ndarray:
        if self.true.shape != other.true.shape or self.true.dtype.kind != other.true.dtype.kind:
            return np.zeros(len(self), dtype=bool)
        same: np.ndarray = (self.true == other.true).reshape(len(self), -1).all(axis=1)
        return same

    def measurable(self) -> RatioMetrics:
        metrics = {name: ratio.metric for name, ratio in self.ratios.items()}
        return RatioMetrics(self.numerators, self.denominators, metrics)

    def arrays(self) -> dict[str, np.ndarray]:
        metrics = {name: dataclasses.asdict(r.metric) for name, r in self.ratios.items()}
        return {
            "utterances": self.utterances,
            "true": self.true,
            "numerators": self.numerators,
            "denominators": self.denominators,
            "metrics": np.array(json.dumps(metrics)),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> UtteranceRatios:
        metrics = {name: Metric(**m) for name, m in json.loads(str(arrays["metrics"])).items()}
        columns = zip(arrays["numerators"].T, arrays["denominators"].T, strict=True)
        ratios = {
            name: Ratio(numerators, denominators, metric)
            for (name, metric), (numerators, denominators) in zip(
                metrics.items(), columns, strict=True
            )
        }
        return cls(arrays["utterances"], arrays["true"], ratios)


class RatioMetrics:
    """Ratios of weighted sums over clips; Measurable.

    Args:
        numerators: (clips, metrics) float64
        denominators: (clips, metrics) float64
        metrics: the name and the description of each column
    """

    def __init__(
        self, numerators: np.ndarray, denominators: np.ndarray, metrics: Mapping[str, Metric]
    ):
        self.numerators = numerators
        self.denominators = denominators
        self.metrics = dict(metrics)
        self.main = next(iter(self.metrics))

    def __len__(self) -> int:
        return len(self.numerators)

    def measure(self, weights: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """Return each ratio, (weightings,) float64, NaN where its denominators sum to 0.

        Args:
            weights: (clips, weightings) float; None = every clip counts once
        """
        weights = np.ones((len(self), 1)) if weights is None else weights.astype(np.float64)
        # (metrics, clips) @ (clips, weightings) -> (metrics, weightings)
        numerators, denominators = self.numerators.T @ weights, self.denominators.T @ weights
        with np.errstate(invalid="ignore", divide="ignore"):
            values = np.where(denominators == 0, np.nan, numerators / denominators)
        return dict(zip(self.metrics, values, strict=True))
