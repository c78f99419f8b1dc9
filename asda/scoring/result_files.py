"""A result folder: scores.npz, result.json for programs, RESULTS.md for people."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np

from asda.files import InputError, atomic_write, write_json
from asda.provenance import environment
from asda.scoring.class_tables import ClassReport
from asda.scoring.clip_tables import Sources
from asda.scoring.intervals import LEVEL, REPLICATES, SEED
from asda.scoring.measurable import Metric
from asda.scoring.predictions import ScoredClips
from asda.scoring.recognition_report import RecognitionReport
from asda.scoring.recognition_scores import RecognitionScores
from asda.scoring.reports import Report
from asda.scoring.results_page import results_page
from asda.scoring.scored_set import ScoredSet
from asda.scoring.tables import number, with_interval


def write_results(
    folder: str | Path,
    scored: ScoredSet,
    provenance: dict[str, Any],
    expected: int | None = None,
    metric: str | None = None,
    groups: np.ndarray | None = None,
    sources: Sources | None = None,
    **more: Any,
) -> dict[str, Any]:
    """Write scores.npz, RESULTS.md, result.json and what the kind of scores adds.

    A classifier adds predictions.tsv, per_class.tsv, thresholds.tsv, reliability.tsv and .png and,
    if every clip has one label, confusion.tsv and .png. Speech recognition adds hypotheses.tsv,
    alignments.txt, word_confusions.tsv, ref.trn, hyp.trn, and per_speaker.tsv and
    per_language.tsv where these are known.
    result.json is written last: if it exists, the folder is complete.

    Args:
        folder: the score folder
        scored: the clips
        provenance: everything that a reader needs to trust and repeat the result, e.g. `data`
            (the data directory), `model`, `updates`, `seed`, `normalization`, `selection`;
            versions, commit and date are added here
        expected: number of clips that the data directory lists (None = unknown)
        metric: the metric that results are ranked by (None = the main metric of the scores, e.g.
            accuracy if every clip has one label, else mAP)
        groups: (clips,) int, drawn whole in the intervals (see bootstrap_weights)
        sources: utterance -> its audio, to name the files of errors
        more: further entries of result.json

    Returns:
        The content of result.json.

    Raises:
        InputError: if the scores do not have `metric`.
    """
    folder = Path(folder)
    report = report_of(scored, sources)
    result: dict[str, Any] = _json_ready(
        {
            "name": str(folder.parent if folder.name == "score" else folder),
            "kind": scored.kind,
            **measure_result(report, metric, groups),
            "clips": {"found": len(scored), "expected": expected},
            **more,
            "provenance": provenance,
            "environment": environment(),
        }
    )
    (folder / "result.json").unlink(missing_ok=True)
    scored.save(folder)
    report.write_files(folder, result)
    with atomic_write(folder / "RESULTS.md") as stream:
        stream.write(results_page(result, report.metrics(), report.page_parts(result)))
    write_json(folder / "result.json", result)
    return result


def result_line(folder: Path, result: dict[str, Any]) -> str:
    """Return a line that gives the main result of a score folder."""
    name = result["metric"]
    metric = Metric(**result["metric_info"][name])
    line = f"{folder}: {metric.title} {with_interval(metric, result['metrics'][name])}"
    if "folds" not in result:
        return line
    mean = number(metric, result["over_folds"][name]["mean"])
    return f"{line}, mean of {len(result['folds'])} folds {mean}"


def report_of(scored: ScoredSet, sources: Sources | None = None) -> Report:
    """Return what a score folder reports about scores of this kind.

    Args:
        scored: the clips
        sources: utterance -> its audio, where it is known
    """
    if isinstance(scored, ScoredClips):
        return ClassReport(scored, sources or {})
    if isinstance(scored, RecognitionScores):
        return RecognitionReport(scored, sources or {})
    return Report(scored)


def measure_result(
    report: Report, metric: str | None = None, groups: np.ndarray | None = None
) -> dict[str, Any]:
    """Return the measured part of result.json.

    Args:
        report: of the clips
        metric: the metric that results are ranked by (None = the main one)
        groups: (clips,) int, drawn whole in the intervals

    Raises:
        InputError: if the clips do not have `metric`.
    """
    # Differences between systems are measured of these metrics alone. Others are functions of
    # them, and rank systems as they do.
    ranking = list(report.system.metrics)
    metric = metric or report.system.main
    if metric not in ranking:
        raise InputError(f"no metric {metric} for these clips; there are {', '.join(ranking)}")
    measured = report.intervals(groups)
    return {
        "metric": metric,
        "metrics": {name: interval._asdict() for name, interval in measured.items()},
        "metric_info": {name: dataclasses.asdict(m) for name, m in report.metrics().items()},
        "interval": {
            "level": LEVEL,
            "replicates": REPLICATES,
            "seed": SEED,
            "unit": "clip" if groups is None else "group",
        },
        **report.entries(),
    }


def _json_ready(value: Any) -> Any:
    """Return `value` with numbers that JSON lacks (NaN, infinity) as null."""
    if isinstance(value, dict):
        return {key: _json_ready(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_json_ready(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
