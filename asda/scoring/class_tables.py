"""What a score folder reports about a classifier and each of its classes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from asda.digests import value_digest
from asda.files import plural
from asda.scoring.best_thresholds import NAME as THRESHOLDS
from asda.scoring.best_thresholds import best_thresholds, threshold_sections
from asda.scoring.calibration import ECE, Calibration, calibration_sections
from asda.scoring.clip_tables import PREDICTIONS, Sources, write_clip_table
from asda.scoring.confusions import confusion_sections, most_confused
from asda.scoring.intervals import Interval, intervals
from asda.scoring.measurable import Metric
from asda.scoring.metrics import (
    D_PRIME,
    METRICS,
    ClassificationMetrics,
    confusion_matrix,
    d_prime,
)
from asda.scoring.plots import plot_confusion, plot_reliability
from asda.scoring.prediction_table import error_sections, prediction_rows
from asda.scoring.predictions import ScoredClips
from asda.scoring.reports import PageParts, Report
from asda.scoring.tables import markdown_table, number, write_tsv

SHOWN_CLASSES = 5  # in RESULTS.md, of the worst and of the best
PERCENT = METRICS["accuracy"]  # Fractions of clips are printed like it.
COLUMNS = {
    "AP": PERCENT,
    "AUC": METRICS["AUC"],
    "d_prime": D_PRIME,
    "recall": PERCENT,
    "precision": PERCENT,
}
# Files whose rows are entries of result.json.
TABLES = {"per_class.tsv": "per_class", "reliability.tsv": "reliability", THRESHOLDS: "thresholds"}


class ClassReport(Report):
    """Metrics and calibration of a classifier, its classes, most frequent confusions and errors.

    Args:
        scored: the clips
        sources: utterance -> its audio, where it is known
    """

    def __init__(self, scored: ScoredClips, sources: Sources):
        self.scored = scored
        self.predictions = prediction_rows(scored, sources)
        self.system: ClassificationMetrics = scored.measurable()
        self.calibration = Calibration(scored)
        self.confusion: np.ndarray | None = None
        if self.system.single_label:
            self.confusion = confusion_matrix(scored.scores, scored.targets)

    def metrics(self) -> dict[str, Metric]:
        return {**self.system.metrics, "d_prime": D_PRIME, "ECE": ECE}

    def intervals(self, groups: np.ndarray | None = None) -> dict[str, Interval]:
        found = intervals(self.system, groups)
        # d' is a monotone function of the AUC, and so are the ends of its interval.
        found["d_prime"] = Interval(*(float(d_prime(end)) for end in found["AUC"]))
        return found | intervals(self.calibration, groups)

    def entries(self) -> dict[str, Any]:
        labels: list[str] = self.scored.labels.tolist()
        confused = [] if self.confusion is None else most_confused(self.confusion, labels)
        return {
            "multi_label": not self.system.single_label,
            "classes": len(labels),
            "labels_hash": value_digest(labels),
            "per_class": per_class(self.scored, self.system, self.confusion),
            "confusions": confused,
            "reliability": self.calibration.reliability(),
            "thresholds": best_thresholds(self.scored),
        }

    def write_files(self, folder: Path, result: Mapping[str, Any]) -> None:
        """Write the files of a classifier, see write_results."""
        write_clip_table(folder / PREDICTIONS, self.predictions)
        for name, entry in TABLES.items():
            rows = result[entry]
            write_tsv(folder / name, list(rows[0]), [row.values() for row in rows])
        plot_reliability(result, folder / "reliability.png")
        if self.confusion is not None:
            labels = self.scored.labels.tolist()
            lines = zip(labels, self.confusion.tolist(), strict=True)
            rows = [(label, *counts) for label, counts in lines]
            write_tsv(folder / "confusion.tsv", ["true", *labels], rows)
            plot_confusion(self.confusion, labels, folder / "confusion.png", result["name"])

    def page_parts(self, result: Mapping[str, Any]) -> PageParts:
        classes = result["classes"]
        return PageParts(
            subject=f"clips of {classes} {plural(classes, 'class', 'classes')}",
            sections=[
                *_class_sections(result),
                *confusion_sections(result),
                *error_sections(self.predictions),
                *calibration_sections(result),
                *threshold_sections(result),
            ],
            origin={"labels": f"{classes} (hash {result['labels_hash']})"},
        )


def per_class(
    scored: ScoredClips, system: ClassificationMetrics, confusion: np.ndarray | None
) -> list[dict[str, Any]]:
    """Return one row per class: label, clips, AP, AUC, d_prime, and with one label per clip also
    recall and precision.

    Args:
        scored: the clips
        system: their metrics
        confusion: (classes, classes) int, see confusion_matrix; None = clips of several labels
    """
    average_precision, auc = (values[:, 0] for values in system.per_class())
    columns = {
        "label": scored.labels,
        "clips": scored.targets.sum(axis=0, dtype=np.int64),
        "AP": average_precision,
        "AUC": auc,
        "d_prime": d_prime(auc),
    }
    if confusion is not None:
        with np.errstate(invalid="ignore"):
            columns["recall"] = confusion.diagonal() / confusion.sum(axis=1)
            columns["precision"] = confusion.diagonal() / confusion.sum(axis=0)
    rows = zip(*(values.tolist() for values in columns.values()), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def upgrade_old_result(result: dict[str, Any]) -> None:
    """Bring an old result.json of a classifier into the present form, in place.

    Results once came from classifiers only: they do not describe their metrics, and the keys of
    their confusions have other names.
    """
    known = {**METRICS, "d_prime": D_PRIME}
    result["kind"] = ScoredClips.kind
    result["metric_info"] = {n: dataclasses.asdict(known[n]) for n in result["metrics"]}
    names = {"truth": "true", "guess": "predicted", "share": "fraction"}
    result["confusions"] = [
        {names.get(key, key): value for key, value in pair.items()}
        for pair in result.get("confusions", [])
    ]


def _class_sections(result: Mapping[str, Any]) -> list[str]:
    key = "AP" if result["multi_label"] else "recall"
    known = [row for row in result["per_class"] if row[key] is not None]
    known.sort(key=lambda row: row[key])
    if len(known) > 2 * SHOWN_CLASSES:
        title = f"## Classes: the {SHOWN_CLASSES} worst and the {SHOWN_CLASSES} best by {key}"
        known = known[:SHOWN_CLASSES] + known[-SHOWN_CLASSES:]
    else:
        title = f"## Classes, worst first by {key}"
    columns = [column for column in result["per_class"][0] if column in COLUMNS]
    rows = [
        (row["label"], row["clips"], *(number(COLUMNS[c], row[c]) for c in columns))
        for row in known
    ]
    note = "All classes: `per_class.tsv`."
    return [title, markdown_table(["class", "clips", *columns], rows), note]
