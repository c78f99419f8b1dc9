"""The folds of a cross-validation as one result."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from asda.files import InputError
from asda.scoring.clip_tables import read_sources
from asda.scoring.compare import (
    mean_and_std,
    read_groups,
    read_result,
    refuse_other_columns,
    score_folder,
)
from asda.scoring.result_files import write_results
from asda.scoring.score_kinds import read_scores
from asda.scoring.scored_set import ScoredSet


def merge_folds(
    folders: list[Path], out: str | Path, groups_file: Path | None = None, metric: str | None = None
) -> dict[str, Any]:
    """Write the result of all folds into `out`: each fold, their mean, and all clips pooled.

    Pooled metrics and their intervals treat the clips of all folds as one set. This suits accuracy
    and error rates, although each fold has its own model. mAP and AUC then rank clips of different
    models against each other, so the mean over folds is shown as well.

    Args:
        folders: score folders with the same label list (or list of metrics) and no common clip
        out: the score folder to write
        groups_file: a table `utterance group`, see read_groups
        metric: the metric that results are ranked by

    Returns:
        The content of result.json.

    Raises:
        InputError: if the folds differ in their labels or share clips.
    """
    folders = [score_folder(folder) for folder in folders]
    if Path(out).resolve() in [folder.resolve() for folder in folders]:
        raise InputError(f"{out}: is one of the folds; give another folder to --out")
    results = [read_result(folder) for folder in folders]
    scored = _pool(folders)
    folds = [
        {
            "folder": os.path.relpath(folder, out),
            "clips": result["clips"],
            "metrics": result["metrics"],
        }
        for folder, result in zip(folders, results, strict=True)
    ]
    expected = [result["clips"]["expected"] for result in results]
    # Folds in which every clip has one label have an accuracy; other folds and the pooled clips
    # may have none.
    common = [m for m in results[0]["metrics"] if all(m in r["metrics"] for r in results)]
    main = results[0]["metric"] if results[0]["metric"] in common else None
    return write_results(
        out,
        scored,
        _common([result["provenance"] for result in results]),
        expected=None if None in expected else sum(expected),
        metric=metric or main,
        groups=None if groups_file is None else read_groups(groups_file, scored.utterances),
        sources={u: s for folder in folders for u, s in read_sources(folder).items()},
        folds=folds,
        over_folds={name: mean_and_std(name, results) for name in common},
        validation=_mean_validation(results),
    )


def _pool(folders: list[Path]) -> ScoredSet:
    parts = [read_scores(folder) for folder in folders]
    for folder, part in zip(folders, parts, strict=True):
        refuse_other_columns(folders[0], parts[0], folder, part)
    pooled = type(parts[0]).concatenate(parts)
    names, counts = np.unique(pooled.utterances, return_counts=True)
    if (counts > 1).any():
        raise InputError(
            f"{(counts > 1).sum()} clips are in more than one of {', '.join(map(str, folders))} "
            f"(first: {names[counts > 1][0]}): folds must not share clips"
        )
    return pooled


def _mean_validation(results: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the mean of the folds' validation results, None if one has none or another metric."""
    found = [result.get("validation") or {} for result in results]
    values = [entry["value"] for entry in found if entry.get("value") is not None]
    if len(values) < len(found) or len({entry["metric"] for entry in found}) > 1:
        return None
    return {"data": None, "metric": found[0]["metric"], "value": float(np.mean(values))}


def _common(provenances: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the entries that all folds share; the others stay in the result of each fold."""
    first = provenances[0]
    return {k: v for k, v in first.items() if all(p.get(k) == v for p in provenances)}
