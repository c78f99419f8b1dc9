"""Scores of clips to a result folder: result.json for machines, RESULTS.md for people."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from asda.digests import value_digest
from asda.files import InputError, atomic_write, write_json
from asda.provenance import environment
from asda.scoring.intervals import LEVEL, REPLICATES, SEED, intervals
from asda.scoring.metrics import METRICS, Metrics, confusion_matrix, d_prime
from asda.scoring.plots import plot_confusion
from asda.scoring.predictions import ScoredClips
from asda.scoring.tables import results_markdown


def write_results(
    folder: str | Path,
    scored: ScoredClips,
    provenance: dict[str, Any],
    expected: int | None = None,
    metric: str | None = None,
    groups: np.ndarray | None = None,
    **more: Any,
) -> dict[str, Any]:
    """Write scores.npz, per_class.tsv, confusion.tsv and .png, RESULTS.md and result.json.

    result.json is written last: its presence says that the folder is complete.

    Args:
        folder: the score folder
        scored: the clips
        provenance: whatever a reader needs to believe and repeat the result: `data` (the data
            directory), `model`, `updates`, `seed`, `normalization`, `selection` and the like;
            versions, commit, date and label hash are added here
        expected: clips that the data directory lists (null = unknown)
        metric: the metric results are ranked by (null = accuracy if every clip has one label,
            else mAP)
        groups: (clips,) int, drawn whole in the intervals (see bootstrap_weights)
        more: further entries of result.json

    Returns:
        The content of result.json.
    """
    folder = Path(folder)
    name = str(folder.parent if folder.name == "score" else folder)
    clips = {"found": len(scored.utterances), "expected": expected}
    result = _json_ready(
        {
            "name": name,
            **measure_result(scored, metric, groups),
            "clips": clips,
            **more,
            "provenance": provenance,
            "environment": environment(),
        }
    )
    (folder / "result.json").unlink(missing_ok=True)
    scored.save(folder)
    columns = list(result["per_class"][0])
    _write_tsv(folder / "per_class.tsv", columns, [row.values() for row in result["per_class"]])
    if not result["multi_label"]:
        confusion = confusion_matrix(scored.scores, scored.targets)
        rows = [(label, *row) for label, row in zip(scored.labels, confusion.tolist(), strict=True)]
        _write_tsv(folder / "confusion.tsv", ["truth", *scored.labels], rows)
        plot_confusion(confusion, scored.labels, folder / "confusion.png")
    with atomic_write(folder / "RESULTS.md") as stream:
        stream.write(results_markdown(result))
    write_json(folder / "result.json", result)
    return result


def measure_result(
    scored: ScoredClips, metric: str | None = None, groups: np.ndarray | None = None
) -> dict[str, Any]:
    """Return the measured part of result.json.

    Raises:
        InputError: if the task doesn't have `metric`.
    """
    metrics = Metrics(scored.scores, scored.targets)
    measured = intervals(metrics, groups)
    metric = metric or metrics.main
    # Differences between systems are measured of these; d' ranks as the AUC does.
    ranking = [name for name in METRICS if name in measured]
    if metric not in ranking:
        raise InputError(f"no metric {metric} for these clips; there are {', '.join(ranking)}")
    return {
        "metric": metric,
        "metrics": {name: interval._asdict() for name, interval in measured.items()},
        "interval": {
            "level": LEVEL,
            "replicates": REPLICATES,
            "seed": SEED,
            "unit": "clip" if groups is None else "group",
        },
        "multi_label": not metrics.single_label,
        "classes": len(scored.labels),
        "labels_hash": value_digest(scored.labels.tolist()),
        "per_class": per_class_table(scored, metrics),
        "confusions": most_confused(scored) if metrics.single_label else [],
    }


def per_class_table(scored: ScoredClips, metrics: Metrics) -> list[dict[str, Any]]:
    """Return one row per class: label, clips, AP, AUC, d_prime; recall and precision if single."""
    average_precision, auc = (values[:, 0] for values in metrics.per_class())
    columns = {
        "label": scored.labels,
        "clips": scored.targets.sum(axis=0, dtype=np.int64),
        "AP": average_precision,
        "AUC": auc,
        "d_prime": d_prime(auc),
    }
    if metrics.single_label:
        confusion = confusion_matrix(scored.scores, scored.targets)
        with np.errstate(invalid="ignore"):
            columns["recall"] = confusion.diagonal() / confusion.sum(axis=1)
            columns["precision"] = confusion.diagonal() / confusion.sum(axis=0)
    rows = zip(*(values.tolist() for values in columns.values()), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def most_confused(scored: ScoredClips) -> list[dict[str, Any]]:
    """Return pairs of (truth, guess) with wrong guesses, most clips first, at most 50."""
    confusion = confusion_matrix(scored.scores, scored.targets)
    totals = confusion.sum(axis=1)
    wrong = confusion - np.diag(confusion.diagonal())
    order = np.argsort(-wrong, axis=None, kind="stable")[:50]
    return [
        {
            "truth": str(scored.labels[truth]),
            "guess": str(scored.labels[guess]),
            "clips": int(wrong[truth, guess]),
            "share": float(wrong[truth, guess] / totals[truth]),
        }
        for truth, guess in zip(*np.unravel_index(order, wrong.shape), strict=True)
        if wrong[truth, guess]
    ]


def _write_tsv(path: Path, header: list[str], rows: list[Iterable[Any]]) -> None:
    with atomic_write(path) as stream:
        for row in (header, *rows):
            stream.write("\t".join("" if cell is None else str(cell) for cell in row) + "\n")


def _json_ready(value: Any) -> Any:
    """Return `value` with numbers that JSON lacks (NaN, infinity) as null."""
    if isinstance(value, dict):
        return {key: _json_ready(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_json_ready(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
