#!/usr/bin/env python3
"""Time of metrics and their bootstrap intervals, against scikit-learn class by class.

Usage: tools/bench/metrics.py [--clips 20000] [--classes 527] [--replicates 1000] [--rounds 3]

Scores and labels are generated. The baseline for intervals is the time of one replicate times their
number. The floors are sorting the scores of each class, and the additions of all replicates at the
rate of a float32 sum in the cache.
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

from asda.commands.number_types import positive
from asda.scoring.intervals import BLOCK, bootstrap_weights, intervals
from asda.scoring.metrics import ClassificationMetrics

LABELS = 2.7  # mean number per clip
SIGNAL = 2.0  # added by a label to scores with std 1


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=positive, default=20_000)
    parser.add_argument("--classes", type=positive, default=527)
    parser.add_argument("--replicates", type=positive, default=1000)
    parser.add_argument("--rounds", type=positive, default=3, help="the fastest is reported")
    arguments = parser.parse_args()
    scores, targets = make_scores(arguments.clips, arguments.classes)
    print(
        f"{arguments.clips} clips, {arguments.classes} classes, {targets.sum() / len(targets):.1f} "
        f"labels per clip; one of {os.cpu_count()} cores"
    )
    print(f"{'':<18}{'baseline s':>11}{'asda s':>8}{'ratio':>7}{'floor s':>9}{'difference':>12}")
    before = peak_mebibytes()
    intervals(ClassificationMetrics(scores, targets), replicates=BLOCK)
    peak = peak_mebibytes()
    show("metrics", *compare_metrics(scores, targets, arguments.rounds))
    show(
        f"{arguments.replicates} replicates",
        *compare_intervals(scores, targets, arguments.replicates, arguments.rounds),
    )
    print(f"asda's peak memory: {peak:.0f} MiB, {before:.0f} MiB before the first metric")


def show(what: str, baseline: float, asda: float, floor: float, difference: float) -> None:
    print(
        f"{what:<18}{baseline:>11.1f}{asda:>8.2f}{baseline / asda:>7.1f}{floor:>9.2f}"
        f"{difference:>12.1g}",
        flush=True,
    )


def make_scores(clips: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return scores (clips, classes) float32 and labels uint8 with frequencies ~ 1 / rank."""
    rng = np.random.default_rng(0)
    frequencies = 1 / np.arange(1, classes + 1)
    frequencies *= LABELS / frequencies.sum()
    targets = np.zeros((clips, classes), dtype=np.uint8)
    for c, frequency in enumerate(frequencies):
        positives = min(max(1, round(frequency * clips)), clips - 1)
        targets[rng.choice(clips, positives, replace=False), c] = 1
    scores = rng.standard_normal((clips, classes), dtype=np.float32)
    return scores + np.float32(SIGNAL) * targets, targets


def compare_metrics(
    scores: np.ndarray, targets: np.ndarray, rounds: int
) -> tuple[float, float, float, float]:
    """Return seconds for scikit-learn, asda and the floor, and the largest difference per class."""

    def sort() -> None:
        for column in np.ascontiguousarray(scores.T):
            np.argsort(column)

    seconds = []
    for _ in range(rounds):
        asda_seconds, asda = timed(lambda: ClassificationMetrics(scores, targets).per_class())
        baseline_seconds, baseline = timed(lambda: by_class(scores, targets))
        seconds.append((baseline_seconds, asda_seconds, timed(sort)[0]))
    difference = np.abs(np.array(asda)[..., 0] - baseline).max()
    return (*map(min, zip(*seconds, strict=True)), difference)


def compare_intervals(
    scores: np.ndarray, targets: np.ndarray, replicates: int, rounds: int
) -> tuple[float, float, float, float]:
    """Return the same for intervals of all metrics; the difference is in one replicate's mAP."""
    metrics = ClassificationMetrics(scores, targets)
    weights = next(bootstrap_weights(len(scores), replicates=1))
    drawn = np.repeat(np.arange(len(scores)), weights[:, 0].astype(int))
    seconds = []
    for _ in range(rounds):
        asda_seconds, _ = timed(
            lambda: intervals(ClassificationMetrics(scores, targets), replicates=replicates)
        )
        baseline_seconds, baseline = timed(lambda: by_class(scores[drawn], targets[drawn]))
        seconds.append((baseline_seconds * replicates, asda_seconds))
    additions = replicates * sum(ranking.at_and_above.nnz for ranking in metrics.rankings)
    floor = additions / additions_per_second()
    difference = abs(metrics.measure(weights)["mAP"][0] - baseline[0].mean())
    return (*map(min, zip(*seconds, strict=True)), floor, difference)


def by_class(scores: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return average precision and AUC of each class by scikit-learn, (2, classes)."""
    return np.array(
        [
            [metric(targets[:, c], scores[:, c]) for c in range(scores.shape[1])]
            for metric in (average_precision_score, roc_auc_score)
        ]
    )


def additions_per_second() -> float:
    """Return float32 additions per second on arrays in the first-level cache."""
    total, summand, repeats = np.zeros(2048, np.float32), np.ones(2048, np.float32), 10_000

    def add() -> None:
        for _ in range(repeats):
            np.add(total, summand, out=total)

    return repeats * total.size / min(timed(add)[0] for _ in range(3))


def timed(function: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = function()
    return time.perf_counter() - start, result


def peak_mebibytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
