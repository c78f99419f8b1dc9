"""Accuracy, mean average precision, ROC AUC and d' of scored clips, under any clip weights."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy.sparse import csr_array
from scipy.special import ndtri

METRICS = ("accuracy", "mAP", "AUC")
EmptyClass = Literal["skip", "zero"]


class Ranking:
    """The clips of one class by falling score, reduced to what average precision and AUC need.

    Sorting is done once; each of many weightings of the clips (bootstrap replicates) then costs
    one sparse product. Clips of equal score share one threshold, as in scikit-learn.

    Args:
        scores: (clips,) float, higher = rather this class
        positive: (clips,) bool
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
        # Rows: clips above each threshold that holds positives, then clips at it, in turn.
        self.at_and_above = _summing(order[: bounds[-1] if len(bounds) else 0], bounds, clips)
        self.positives = _summing(order[hits], np.searchsorted(hits, ends), clips)

    def measure(self, weights: np.ndarray, total: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return average precision and AUC, each (weightings,) float64, NaN where undefined.

        Average precision is the sum of precision times gain in recall over falling thresholds,
        not interpolated; AUC is the share of (positive, negative) pairs in the right order, ties
        counting one half.

        Args:
            weights: (clips, weightings) float; ones count every clip once
            total: (weightings,) float64, their sums over the clips
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
    """Return the (len(ends), num_clips) 0/1 matrix whose rows are successive runs of `clips`."""
    pointers = np.concatenate([[0], ends]).astype(np.int32)
    ones = np.ones(len(clips), dtype=np.float32)
    return csr_array((ones, clips.astype(np.int32), pointers), shape=(len(ends), num_clips))


class Metrics:
    """The metrics of one system on one set of clips (algorithm.md 13).

    Scores rank clips against each other within a class, so they must be comparable between
    clips: logits of a sigmoid or (log) probabilities, not logits of a softmax.

    Args:
        scores: (clips, classes) float, finite
        targets: (clips, classes) 0/1; exactly one 1 in every row makes the task single-label
        empty_class: a class without positives is left out of the means over classes ("skip"), or
            counts with average precision 0 ("zero", as the reference's mAP does)
    """

    def __init__(self, scores: np.ndarray, targets: np.ndarray, empty_class: EmptyClass = "skip"):
        if scores.shape != targets.shape or scores.ndim != 2:
            raise ValueError(f"scores {scores.shape} and targets {targets.shape} do not match")
        positive = targets.astype(bool)
        self.empty_class = empty_class
        self.single_label = is_single_label(targets)
        self.main = "accuracy" if self.single_label else "mAP"
        self.correct = positive[np.arange(len(scores)), scores.argmax(axis=1)].astype(np.float32)
        self.rankings = [Ranking(scores[:, c], positive[:, c]) for c in range(scores.shape[1])]
        self.ones = np.ones((len(scores), 1), dtype=np.float32)

    def per_class(self, weights: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Return average precision and AUC, each (classes, weightings), NaN where undefined."""
        weights = self.ones if weights is None else weights
        total = weights.sum(axis=0, dtype=np.float64)
        measured = [ranking.measure(weights, total) for ranking in self.rankings]
        return np.array([ap for ap, _ in measured]), np.array([auc for _, auc in measured])

    def measure(self, weights: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """Return each metric of METRICS that the task has, as (weightings,) float64 in 0..1.

        Args:
            weights: (clips, weightings) float; nothing = every clip once
        """
        weights = self.ones if weights is None else weights
        average_precision, auc = self.per_class(weights)
        if self.empty_class == "zero":
            average_precision = np.nan_to_num(average_precision)
        measured = {"mAP": _mean(average_precision), "AUC": _mean(auc)}
        if self.single_label:
            hits = (self.correct @ weights).astype(np.float64)
            measured["accuracy"] = hits / weights.sum(axis=0, dtype=np.float64)
        return {name: measured[name] for name in METRICS if name in measured}


def measure(
    scores: np.ndarray, targets: np.ndarray, empty_class: EmptyClass = "skip"
) -> dict[str, float]:
    """Return accuracy (single-label tasks only), mAP, AUC and d_prime of scored clips.

    Args:
        scores: (clips, classes) float, comparable between clips (see Metrics)
        targets: (clips, classes) 0/1
        empty_class: "skip" or "zero" (see Metrics)
    """
    measured = Metrics(scores, targets, empty_class).measure()
    values = {name: float(value[0]) for name, value in measured.items()}
    return {**values, "d_prime": float(d_prime(values["AUC"]))}


def is_single_label(targets: np.ndarray) -> bool:
    """Return whether every clip has exactly one label."""
    return bool((targets.sum(axis=1, dtype=np.int64) == 1).all())


def d_prime(auc: float | np.ndarray) -> np.ndarray:
    """Return sqrt(2) times the normal quantile of an AUC; infinite at 0 and 1."""
    return np.sqrt(2.0) * ndtri(auc)


def confusion_matrix(scores: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return counts (classes, classes) int64 of a single-label task; a row is one true class."""
    classes = scores.shape[1]
    cells = targets.argmax(axis=1) * classes + scores.argmax(axis=1)
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes)


def _mean(per_class: np.ndarray) -> np.ndarray:
    """Return the mean over the classes that are defined, (weightings,); NaN if none is."""
    defined = ~np.isnan(per_class)
    with np.errstate(invalid="ignore"):
        return np.where(defined, per_class, 0.0).sum(axis=0) / defined.sum(axis=0)
