"""Calibration: whether the probabilities of a classifier agree with its accuracy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from asda.scoring.measurable import Metric
from asda.scoring.metrics import is_single_label
from asda.scoring.predictions import ScoredClips
from asda.scoring.tables import with_interval

BINS = 15  # as in Guo et al., "On Calibration of Modern Neural Networks" (arXiv:1706.04599)
ECE = Metric(title="ECE %", higher_is_better=False, low=0, high=1, factor=100, digits=1)


class Calibration:
    """Expected calibration error and reliability (docs/algorithm.md#calibration); Measurable.

    A decision has a confidence and is right or wrong. With one label per clip, the class of the
    highest score is the decision, and its probability the confidence. Otherwise every pair of clip
    and class is a decision: the probability of the class is the confidence, and the decision is
    right if the clip has the label. Decisions of all classes are pooled.

    Args:
        scored: the clips
    """

    metrics: Mapping[str, Metric] = {"ECE": ECE}
    main = "ECE"

    def __init__(self, scored: ScoredClips):
        confidence, right = scored.probabilities(), scored.targets.astype(np.float64)
        if is_single_label(scored.targets):
            best = scored.scores.argmax(axis=1)[:, None]
            confidence = np.take_along_axis(confidence, best, axis=1)
            right = np.take_along_axis(right, best, axis=1)
        self.edges = np.linspace(0, 1, BINS + 1)
        # A bin holds its upper edge and not its lower one, as in scikit-learn's calibration_curve.
        chosen = np.searchsorted(self.edges[1:-1], confidence)
        self.decisions = confidence.shape[1]  # of each clip
        self.count, self.confidence, self.right = (
            _sums(chosen, values) for values in (np.ones_like(confidence), confidence, right)
        )

    def __len__(self) -> int:
        return self.count.shape[1]

    def measure(self, weights: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """Return the expected calibration error, (weightings,) float64 in 0..1.

        It is the mean over decisions of the distance between mean confidence and accuracy of the
        bin that the decision is in. The bins are the same for every weighting.

        Args:
            weights: (clips, weightings) float; None = every clip counts once
        """
        if weights is None:
            weights = np.ones((len(self), 1))
        gaps = np.abs((self.right - self.confidence) @ weights).sum(axis=0)
        return {"ECE": gaps / (self.decisions * weights.sum(axis=0, dtype=np.float64))}

    def reliability(self) -> list[dict[str, Any]]:
        """Return a row per bin: low, high, count, confidence, accuracy.

        `count` is the number of decisions with a confidence above `low` and up to `high`;
        `confidence` is their mean confidence and `accuracy` the fraction that is right, both NaN
        in an empty bin.
        """
        count, confidence, right = (
            sums.sum(axis=1) for sums in (self.count, self.confidence, self.right)
        )
        with np.errstate(invalid="ignore"):
            columns = {
                "low": self.edges[:-1],
                "high": self.edges[1:],
                "count": count.astype(np.int64),
                "confidence": confidence / count,
                "accuracy": right / count,
            }
        rows = zip(*(values.tolist() for values in columns.values()), strict=True)
        return [dict(zip(columns, row, strict=True)) for row in rows]


def _sums(chosen: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the sum of the decisions of each clip in each bin, (bins, clips) float64.

    Args:
        chosen: bin of each decision, (clips, decisions) int
        values: (clips, decisions) float64
    """
    clips = len(chosen)
    cells = chosen * clips + np.arange(clips)[:, None]
    sums = np.bincount(cells.ravel(), weights=values.ravel(), minlength=BINS * clips)
    return sums.reshape(BINS, clips)


def calibration_sections(result: Mapping[str, Any]) -> list[str]:
    """Return the part of RESULTS.md about calibration."""
    what = "the probability of the predicted class and the accuracy"
    if result["multi_label"]:
        what = "the probability of a class and the frequency of its label, all classes pooled"
    found = with_interval(ECE, result["metrics"]["ECE"])
    return [
        "## Calibration",
        f"Expected calibration error: {found} % is the mean distance between {what}, in {BINS} bins"
        " of the probability (`reliability.tsv`).",
        "![reliability of the probabilities](reliability.png)",
    ]
