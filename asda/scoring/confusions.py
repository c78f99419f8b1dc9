"""The classes that a classifier confuses most often."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from asda.scoring.metrics import METRICS
from asda.scoring.tables import markdown_table, number

LISTED_CONFUSIONS = 50  # in result.json
SHOWN_CONFUSIONS = 10  # in RESULTS.md


def most_confused(confusion: np.ndarray, labels: Sequence[str]) -> list[dict[str, Any]]:
    """Return the (true, predicted) pairs of wrong predictions, most clips first, at most 50.

    Args:
        confusion: (classes, classes) int, see confusion_matrix
        labels: class names in that order
    """
    totals = confusion.sum(axis=1)
    wrong = confusion - np.diag(confusion.diagonal())
    order = np.argsort(-wrong, axis=None, kind="stable")[:LISTED_CONFUSIONS]
    return [
        {
            "true": labels[true],
            "predicted": labels[predicted],
            "clips": int(wrong[true, predicted]),
            "fraction": float(wrong[true, predicted] / totals[true]),
        }
        for true, predicted in zip(*np.unravel_index(order, wrong.shape), strict=True)
        if wrong[true, predicted]
    ]


def confusion_sections(result: Mapping[str, Any]) -> list[str]:
    """Return the part of RESULTS.md about the most frequent confusions."""
    if not result["confusions"]:
        return []
    percent = METRICS["accuracy"]  # Fractions of clips are printed like it.
    rows = [
        (pair["true"], pair["predicted"], pair["clips"], number(percent, pair["fraction"]))
        for pair in result["confusions"][:SHOWN_CONFUSIONS]
    ]
    return [
        "## Most frequent confusions",
        markdown_table(["true", "predicted", "clips", "% of the true class"], rows),
        "![confusion matrix](confusion.png)",
    ]
