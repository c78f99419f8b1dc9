"""Accuracy, mean average precision, ROC AUC and d' of a classifier, under any clip weights."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy.sparse import csr_array
from scipy.special import ndtri

from asda.scoring.measurable import Metric

METRICS = {
    "accuracy": Metric(
        title="accuracy %", higher_is_better=True, low=0, high=1, factor=100, digits=1
    ),
    "mAP": Metric(title="mAP %", higher_is_better=True, low=0, high=1, factor=100, digits=1),
    "AUC": Metric(title="AUC", higher_is_better=True, low=0, high=1),
}
D_PRIME = Metric(title="d′", higher_is_better=True)  # a function of the AUC, see d_prime
EmptyClass = Literal["skip", "zero"]


class Ranking:
    """The clips of one class by decreasing score, reduced to what AP and AUC need.

    Clips are sorted once; each of many weightings of the clips (bootstrap replicates) then costs
    one sparse product. Clips with equal scores share one threshold, as in scikit-learn.

    Args:
        scores: (clips,) float, higher means that the clip is more likely of this class
        positive: (clips,) bool, whether the clip is of this class
    """

    def __init__(self, scores: np.ndarray, positive: np.ndarray):
        falling = -scores
        order = np.argsort(falling)
        ranked = falling[order]
        hits = np.flatnonzero(positive[order])
        starts = np.unique(np.searchsorted(ranked, ranked[hits], side="left"))
        ends = np.searchsorted(ranked, ranked[starts], side="right")
        bounds = np.stack([starts, ends], axis=1).ravel()
        clips = len(scores)
        # The rows alternate: the clips above a threshold that has positives, the clips at it.
        self.at_and_above = _summing(order[: bounds[-1] if len(bounds) else 0], bounds, clips)
        self.positives = _summing(order[hits], np.searchsorted(hits, ends), clips)

    def measure(self, weights: np.ndarray, total: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return average precision and AUC, each (weightings,) float64, NaN where undefined.

        Average precision is the sum over decreasing thresholds of precision times the gain in
        recall, without interpolation. AUC is the fraction of (positive, negative) pairs in the
        right order, where ties count one half.

        Args:
            weights: (clips, weightings) float; ones count every clip once
            total: (weightings,) float64, the sums of the weights over the clips
        """
        hits = (self.positives @ weights).astype(np.float64)
        hits_so_far = hits.cumsum(axis=0)
        clips = (self.at_and_above @ weights).cumsum(axis=0, dtype=np.float64)
        above, so_far = clips[0::2], clips[1::2]
        all_hits = hits.sum(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            precision = hits_so_far / np.maximum(so_far, np.finfo(float).tiny)
            average_precision = (hits * precision).sum(axis=0) / all_hits
            misses_above = above - (hits_so_far - hits)
            misses_at = so_far - above - hits
            wrong = (hits * (misses_above + misses_at / 2)).sum(axis=0)
            auc = 1 - wrong / (all_hits * (total - all_hits))
        return average_precision, auc


def _summing(clips: np.ndarray, ends: np.ndarray, num_clips: int) -> csr_array:
    """Return the (len(ends), num_clips) 0/1 matrix whose rows are successive slices of `clips`."""
    pointers = np.concatenate([[0], ends]).astype(np.int32)
    ones = np.ones(len(clips), dtype=np.float32)
    return csr_array((ones, clips.astype(np.int32), pointers), shape=(len(ends), num_clips))


class ClassificationMetrics:
    """The metrics of one classifier on one set of clips (docs/algorithm.md#metrics); Measurable.

    Scores rank clips against each other within a class, so they must be comparable between
    clips: logits of a sigmoid or (log) probabilities, not logits of a softmax.

    Args:
        scores: (clips, classes) float, finite
        targets: (clips, classes) 0/1; exactly one 1 in every row makes the task single-label
        empty_class: whether a class without positives is left out of the means over classes
            ("skip") or counts with average precision 0 ("zero", as in the reference's mAP)

    Raises:
        ValueError: if the two shapes differ.
    """

    def __init__(self, scores: np.ndarray, targets: np.ndarray, empty_class: EmptyClass = "skip"):
        if scores.shape != targets.shape or scores.ndim != 2:
            raise ValueError(f"scores {scores.shape} and targets {targets.shape} do not match")
        positive = targets.astype(bool)
        self.empty_class = empty_class
        self.single_label = is_single_label(targets)
        self.metrics = {n: m for n, m in METRICS.items() if self.single_label or n != "accuracy"}
        self.main = "accuracy" if self.single_label else "mAP"
        self.correct = positive[np.arange(len(scores)), scores.argmax(axis=1)].astype(np.float32)
        self.rankings = [Ranking(scores[:, c], positive[:, c]) for c in range(scores.shape[1])]
        self.ones = np.ones((len(scores), 1), dtype=np.float32)

    def __len__(self) -> int:
        return len(self.ones)

    def per_class(self, weights: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Return average precision and AUC, each (classes, weightings), NaN where undefined."""
        weights = self.ones if weights is None else weights
        total = weights.sum(axis=0, dtype=np.float64)
        measured = [ranking.measure(weights, total) for ranking in self.rankings]
        return np.array([ap for ap, _ in measured]), np.array([auc for _, auc in measured])

    def measure(self, weights: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """Return each metric of `metrics`, (weightings,) float64 in 0..1, NaN where undefined.

        Args:
            weights: (clips, weightings) float; None = every clip counts once
        """
        weights = self.ones if weights is None else weights
        average_precision, auc = self.per_class(weights)
        if self.empty_class == "zero":
            average_precision = np.nan_to_num(average_precision)
        measured = {"mAP": _mean(average_precision), "AUC": _mean(auc)}
        if self.single_label:
            hits = (self.correct @ weights).astype(np.float64)
            measured["accuracy"] = hits / weights.sum(axis=0, dtype=np.float64)
        return {name: measured[name] for name in self.metrics}


def measure(
    scores: np.ndarray, targets: np.ndarray, empty_class: EmptyClass = "skip"
) -> dict[str, float]:
    """Return accuracy (single-label tasks only), mAP, AUC and d_prime of scored clips.

    Args:
        scores: (clips, classes) float, comparable between clips (see ClassificationMetrics)
        targets: (clips, classes) 0/1
        empty_class: "skip" or "zero" (see ClassificationMetrics)
    """
    measured = ClassificationMetrics(scores, targets, empty_class).measure()
    values = {name: float(value[0]) for name, value in measured.items()}
    return {**values, "d_prime": float(d_prime(values["AUC"]))}


def is_single_label(targets: np.ndarray) -> bool:
    """Return whether every clip has exactly one label."""
    return bool((targets.sum(axis=1, dtype=np.int64) == 1).all())


def d_prime(auc: float | np.ndarray) -> np.ndarray:
    """Return sqrt(2) times the normal quantile of an AUC; infinite at 0 and 1."""
    scaled: np.ndarray = np.sqrt(2.0) * ndtri(auc)
    return scaled


def confusion_matrix(scores: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return counts of clips, (classes, classes) int64: row = true, column = predicted class.

    Args:
        scores: (clips, classes) float; the class with the highest score is predicted
        targets: (clips, classes) 0/1, with one label per clip
    """
    classes = scores.shape[1]
    cells: np.ndarray = targets.argmax(axis=1) * classes + scores.argmax(axis=1)
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes)


def _mean(per_class: np.ndarray) -> np.ndarray:
    """Return the mean over the classes that have a value, (weightings,); NaN if none has."""
    defined = ~np.isnan(per_class)
    with np.errstate(invalid="ignore"):
        mean: np.ndarray = np.where(defined, per_class, 0.0).sum(axis=0) / defined.sum(axis=0)
    return mean
