"""thresholds.tsv: the threshold of each class with the highest F1 on a set of clips."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from asda.files import listed
from asda.scoring.prediction_table import THRESHOLD
from asda.scoring.predictions import ScoredClips

NAME = "thresholds.tsv"


def best_thresholds(scored: ScoredClips) -> list[dict[str, Any]]:
    """Return a row per class: label, threshold, F1, precision, recall, clips.

    A clip gets a label if its probability is at least `threshold`, which lies in the middle between
    the lowest probability that is accepted and the highest one that is not (0 if all are accepted).
    Of several thresholds with the highest F1, the highest is chosen. A class without clips has the
    threshold 0.5, and NaN as its F1, precision and recall.
    """
    probabilities, positive = scored.probabilities(), scored.targets.astype(bool)
    return [
        {"label": str(label), **_best(probabilities[:, c], positive[:, c])}
        for c, label in enumerate(scored.labels)
    ]


def _best(probabilities: np.ndarray, positive: np.ndarray) -> dict[str, Any]:
    """Return the row of one class.

    Args:
        probabilities: (clips,) float64
        positive: (clips,) bool
    """
    clips = int(positive.sum())
    if not clips:
        nothing = dict.fromkeys(("F1", "precision", "recall"), np.nan)
        return {"threshold": THRESHOLD, **nothing, "clips": 0}
    order = np.argsort(-probabilities, kind="stable")
    ranked = np.append(probabilities[order], 0.0)
    # Clips with equal probabilities are accepted together.
    accepted = np.flatnonzero(np.append(ranked[:-2] > ranked[1:-1], True)) + 1
    hits = positive[order].cumsum()[accepted - 1]
    f1 = 2 * hits / (accepted + clips)
    best = int(f1.argmax())
    lowest, next_one = ranked[accepted[best] - 1], ranked[accepted[best]]
    middle = next_one + (lowest - next_one) / 2
    return {
        # Between neighbouring floats there is no middle, and the next one must not be accepted.
        "threshold": float(middle if middle > next_one else lowest),
        "F1": float(f1[best]),
        "precision": float(hits[best] / accepted[best]),
        "recall": float(hits[best] / clips),
        "clips": clips,
    }


def threshold_sections(result: Mapping[str, Any]) -> list[str]:
    """Return the part of RESULTS.md about thresholds.tsv."""
    empty = [row["label"] for row in result["thresholds"] if not row["clips"]]
    note = (
        f"`{NAME}` holds the threshold of each class with the highest F1 on these clips, for"
        " `asda tag --threshold FILE`. Use those of a validation set: thresholds that were chosen"
        " on a test set make its results look better than they are."
    )
    if empty:
        note += f" Classes without clips have {THRESHOLD}: {listed(empty)}."
    return ["## Thresholds", note]
