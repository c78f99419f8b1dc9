"""Results of several experiments: found, pooled over folds, compared on the same clips."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from asda.files import InputError, numbered_lines
from asda.scoring.intervals import Interval, paired_differences
from asda.scoring.metrics import Metrics
from asda.scoring.predictions import ScoredClips
from asda.scoring.result_files import write_results


def read_result(folder: str | Path) -> dict[str, Any]:
    """Read result.json of a score folder."""
    path = Path(folder) / "result.json"
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; score the model first") from None
    except json.JSONDecodeError as error:
        raise InputError(f"{path}:{error.lineno}: not JSON ({error.msg})") from None
    needed = ("metric", "metrics", "clips", "provenance", "environment")
    if not isinstance(result, dict) or any(key not in result for key in needed):
        raise InputError(f"{path}: not a result that asda wrote; score the model again")
    return result


def measured(folder: str | Path, metric: str) -> dict[str, float]:
    """Return value, low and high of one metric of a score folder."""
    metrics = read_result(folder)["metrics"]
    if metric not in metrics:
        raise InputError(f"{folder}: no metric {metric}; there are {', '.join(metrics)}")
    return metrics[metric]


def find_results(root: str | Path, with_folds: bool = False) -> dict[Path, dict[str, Any]]:
    """Return the score folders below `root` with their results.

    Folds that were merged are left out unless `with_folds`: the merged result stands for them.
    """
    found = {path.parent: read_result(path.parent) for path in Path(root).rglob("result.json")}
    if with_folds:
        return found
    merged = {
        (folder / fold["folder"]).resolve()
        for folder, result in found.items()
        for fold in result.get("folds", [])
    }
    return {folder: found[folder] for folder in found if folder.resolve() not in merged}


def merge_folds(
    folders: list[Path], out: str | Path, groups_file: Path | None = None, metric: str | None = None
) -> dict[str, Any]:
    """Write the results of all folds together into `out`: each fold, their mean, and pooled.

    Pooled metrics and their intervals take the clips of all folds as one set. Accuracy does not
    mind that each fold has a model of its own; mAP and AUC rank clips of different models against
    each other, so beside them stands the mean of the folds.

    Args:
        folders: score folders of one label list, without a clip in common
        out: the score folder to write
        groups_file: a table `utterance group`, see read_groups
        metric: the metric results are ranked by

    Raises:
        InputError: if the folds differ in their labels or share clips.
    """
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
    # Folds where every clip has one label have an accuracy, others and the pooled clips may not.
    shared = [m for m in results[0]["metrics"] if all(m in r["metrics"] for r in results)]
    main = results[0]["metric"] if results[0]["metric"] in shared else None
    return write_results(
        out,
        scored,
        _common([result["provenance"] for result in results]),
        expected=None if None in expected else sum(expected),
        metric=metric or main,
        groups=None if groups_file is None else read_groups(groups_file, scored.utterances),
        folds=folds,
        over_folds={name: mean_and_deviation(name, results) for name in shared},
    )


def _pool(folders: list[Path]) -> ScoredClips:
    parts = [ScoredClips.load(folder) for folder in folders]
    for folder, part in zip(folders, parts, strict=True):
        if not np.array_equal(part.labels, parts[0].labels):
            raise InputError(f"{folder}: its label list differs from that of {folders[0]}")
    pooled = ScoredClips(
        np.concatenate([part.utterances for part in parts]),
        np.concatenate([part.scores for part in parts]),
        np.concatenate([part.targets for part in parts]),
        parts[0].labels,
    )
    names, counts = np.unique(pooled.utterances, return_counts=True)
    if (counts > 1).any():
        raise InputError(
            f"{(counts > 1).sum()} clips are in more than one of {', '.join(map(str, folders))} "
            f"(first: {names[counts > 1][0]}): folds must not share clips"
        )
    return pooled


def _common(provenances: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the entries that all folds share; the others stay in the result of each fold."""
    first = provenances[0]
    return {k: v for k, v in first.items() if all(p.get(k) == v for p in provenances)}


def mean_and_deviation(metric: str, results: list[dict[str, Any]]) -> dict[str, float | None]:
    """Return mean and sample standard deviation over results; null if one of them has no value."""
    values = [result["metrics"][metric]["value"] for result in results]
    if None in values:
        return {"mean": None, "std": None}
    std = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return {"mean": float(np.mean(values)), "std": std}


def read_groups(path: Path, utterances: np.ndarray) -> np.ndarray:
    """Read a table `utterance group` (utt2spk, say) as group numbers (clips,) int of utterances.

    Raises:
        InputError: if a line is not two words or an utterance has no group.
    """
    table = {}
    for number, line in numbered_lines(path):
        words = line.split()
        if len(words) != 2:
            raise InputError(f"{path}:{number}: expected 'utterance group', not '{line}'")
        table[words[0]] = words[1]
    missing = [utterance for utterance in utterances if utterance not in table]
    if missing:
        raise InputError(f"{path}: no group for {len(missing)} clips (first: {missing[0]})")
    return np.unique([table[u] for u in utterances], return_inverse=True)[1]


class Comparison:
    """Systems against one reference system, on the same clips.

    Args:
        runs: score folders of the system that the others are compared with, one for each run
            (trainings that differ in their seed)
        groups_file: a table `utterance group`, see read_groups
    """

    def __init__(self, *runs: str | Path, groups_file: Path | None = None):
        self.folder = Path(runs[0])
        self.scored = _sorted(ScoredClips.load(self.folder))
        self.groups = groups_file and read_groups(groups_file, self.scored.utterances)
        self.runs = [self._read(run) for run in runs]

    def differences(self, *runs: str | Path) -> dict[str, Interval]:
        """Return each metric of another system minus that of the reference, of the means over runs.

        Args:
            runs: score folders, as many as the reference has and in the same order

        Raises:
            InputError: if the two were not scored on the same clips, labels and truth.
        """
        return paired_differences(self.runs, [self._read(run) for run in runs], self.groups)

    def _read(self, folder: str | Path) -> Metrics:
        scored = _sorted(ScoredClips.load(folder))
        self._refuse_other_clips(folder, scored)
        return Metrics(scored.scores, scored.targets)

    def _refuse_other_clips(self, folder: str | Path, other: ScoredClips) -> None:
        ours, theirs = self.scored.utterances, other.utterances
        found = []
        for name, odd in (
            (self.folder, np.setdiff1d(ours, theirs)),
            (folder, np.setdiff1d(theirs, ours)),
        ):
            if len(odd):
                found.append(f"{len(odd)} clips only in {name} (first: {odd[0]})")
        if found:
            raise InputError(f"not the same clips: {', '.join(found)}")
        if not np.array_equal(self.scored.labels, other.labels):
            raise InputError(f"not the same label list: {self.folder} and {folder}")
        wrong = (self.scored.targets != other.targets).any(axis=1)
        if wrong.any():
            raise InputError(
                f"{self.folder} and {folder} disagree on the labels of {wrong.sum()} clips "
                f"(first: {ours[wrong.argmax()]})"
            )


def _sorted(scored: ScoredClips) -> ScoredClips:
    order = np.argsort(scored.utterances)
    return ScoredClips(
        scored.utterances[order], scored.scores[order], scored.targets[order], scored.labels
    )
