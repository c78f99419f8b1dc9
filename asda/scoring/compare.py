"""Results of experiments: read, found, and compared on the same clips."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np

from asda.corpus.datadir import DataDir, read_table
from asda.files import InputError, read_json
from asda.scoring.class_tables import upgrade_old_result
from asda.scoring.intervals import Interval, intervals, paired_differences
from asda.scoring.measurable import Measurable, Metric
from asda.scoring.score_kinds import read_scores
from asda.scoring.scored_set import ScoredSet

REQUIRED = ("metric", "metrics", "clips", "provenance", "environment")


def read_result(folder: str | Path) -> dict[str, Any]:
    """Read result.json of a score folder.

    Raises:
        InputError: if the file is missing or not a result.
    """
    path = Path(folder) / "result.json"
    if not path.exists():
        raise InputError(f"{path}: no such file; score the model first")
    result = read_json(path)
    refusal = InputError(f"{path}: not a result that asda wrote; score the model again")
    if not isinstance(result, dict) or any(key not in result for key in REQUIRED):
        raise refusal
    try:
        if "metric_info" not in result:
            upgrade_old_result(result)
        metric_info(result)
    except (AttributeError, KeyError, TypeError):
        raise refusal from None
    return result


def metric_info(result: dict[str, Any]) -> dict[str, Metric]:
    """Return the description of each metric of a result."""
    return {name: Metric(**result["metric_info"][name]) for name in result["metrics"]}


def measured(folder: str | Path, metric: str) -> dict[str, float | None]:
    """Return value, low and high of one metric of a score folder; null where undefined.

    Raises:
        InputError: if the result does not have the metric.
    """
    metrics: dict[str, dict[str, float | None]] = read_result(folder)["metrics"]
    if metric not in metrics:
        raise InputError(f"{folder}: no metric {metric}; there are {', '.join(metrics)}")
    return metrics[metric]


def mean_and_std(metric: str, results: list[dict[str, Any]]) -> dict[str, float | None]:
    """Return mean and sample standard deviation over results; null if one of them has no value."""
    values = [result["metrics"][metric]["value"] for result in results]
    if None in values:
        return {"mean": None, "std": None}
    std = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return {"mean": float(np.mean(values)), "std": std}


def score_folder(path: str | Path) -> Path:
    """Return the score folder of an experiment; a score folder is its own.

    Raises:
        InputError: if the experiment has scores of several test sets, or of several decodings.
    """
    path = Path(path)
    if (path / "result.json").exists():
        return path
    found = sorted(folder.parent for folder in path.glob("score*/result.json"))
    if len(found) > 1:
        names = ", ".join(str(folder) for folder in found)
        raise InputError(
            f"{path}: {len(found)} scores (of other sets or decodings); give one of {names}"
        )
    return found[0] if found else path


def experiment_of(folder: Path) -> Path:
    """Return the name of a result in tables: its experiment, if that has only one score folder."""
    return folder.parent if folder.name == "score" else folder


def common_clips(folders: list[Path]) -> np.ndarray:
    """Return the utterances that all score folders have, (clips,) str.

    Raises:
        InputError: if there is none.
    """
    utterances = [read_scores(folder).utterances for folder in folders]
    common: np.ndarray = functools.reduce(np.intersect1d, utterances)
    if not len(common):
        raise InputError(f"no clip was scored in all of {', '.join(map(str, folders))}")
    return common


def find_results(root: str | Path, with_folds: bool = False) -> dict[Path, dict[str, Any]]:
    """Return the score folders below `root` with their results.

    Args:
        root: folder of experiments
        with_folds: whether to include folds that were merged, which the merged result stands for
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


def read_groups(path: Path, utterances: np.ndarray) -> np.ndarray:
    """Read a table `utterance group`, e.g. utt2spk, as the group of each clip, (clips,) int.

    Args:
        path: the table
        utterances: (clips,) str

    Raises:
        InputError: as `read_table`, or if a group is not one word or an utterance has none.
    """
    table = read_table(path)
    for utterance, group in table.items():
        if len(group.split()) != 1:
            where = DataDir(path.parent).where(path.name, utterance)
            raise InputError(f"{where}: expected 'utterance group', not '{utterance} {group}'")
    missing = [utterance for utterance in utterances if utterance not in table]
    if missing:
        raise InputError(f"{path}: no group for {len(missing)} clips (first: {missing[0]})")
    return np.unique([table[u] for u in utterances], return_inverse=True)[1]


def refuse_other_columns(
    first_folder: str | Path, first: ScoredSet, folder: str | Path, scored: ScoredSet
) -> None:
    """Refuse scores of another kind, or with another label list or list of metrics."""
    if type(scored) is not type(first):
        raise InputError(
            f"{folder}: its scores are of the kind {scored.kind}, those of {first_folder} of the"
            f" kind {first.kind}; give results of one kind"
        )
    if scored.columns != first.columns:
        raise InputError(f"{folder}: its {scored.columns_name} differs from that of {first_folder}")


class Comparison:
    """Systems compared with one reference system, on the same clips.

    Args:
        runs: score folders of the reference system, one for each run (trainings with different
            seeds)
        groups_file: a table `utterance group`, see read_groups
        clips: the utterances to compare; None = all, which every system must have
    """

    def __init__(
        self,
        *runs: str | Path,
        groups_file: Path | None = None,
        clips: np.ndarray | None = None,
    ):
        self.folder = Path(runs[0])
        self.clips = clips
        self.scored = self._scored(self.folder)
        self.groups = None
        if groups_file:
            self.groups = read_groups(groups_file, self.scored.utterances)
        self.runs = [self._read(run) for run in runs]

    def differences(self, *runs: str | Path) -> dict[str, Interval]:
        """Return each metric of another system minus that of the reference, of means over runs.

        Args:
            runs: score folders, as many as the reference has and in the same order

        Raises:
            InputError: if the two were not scored on the same clips, labels and truth.
        """
        return paired_differences(self.runs, [self._read(run) for run in runs], self.groups)

    def difference(self, metric: str, *runs: str | Path) -> Interval:
        """Return the difference of one metric, see differences.

        Raises:
            InputError: if differences of the metric are not measured; also as in differences.
        """
        differences = self.differences(*runs)
        if metric not in differences:
            raise InputError(
                f"differences of {metric} are not measured, only those of {', '.join(differences)}"
            )
        return differences[metric]

    def measured(self, folder: str | Path, metric: str) -> dict[str, float | None]:
        """Return value, low and high of a metric of a system on the clips that are compared.

        Raises:
            InputError: as in difference.
        """
        found = intervals(self._read(folder), self.groups)
        if metric not in found:
            raise InputError(f"{folder}: no metric {metric}; there are {', '.join(found)}")
        return dict(found[metric]._asdict())

    def _scored(self, folder: str | Path) -> ScoredSet:
        scored = read_scores(folder)
        if self.clips is not None:
            scored = scored.select(np.flatnonzero(np.isin(scored.utterances, self.clips)))
        return scored.sorted()

    def _read(self, folder: str | Path) -> Measurable:
        scored = self._scored(folder)
        self._refuse_other_clips(folder, scored)
        return scored.measurable()

    def _refuse_other_clips(self, folder: str | Path, other: ScoredSet) -> None:
        ours, theirs = self.scored.utterances, other.utterances
        found = []
        for name, extra in (
            (self.folder, np.setdiff1d(ours, theirs)),
            (folder, np.setdiff1d(theirs, ours)),
        ):
            if len(extra):
                found.append(f"{len(extra)} clips only in {name} (first: {extra[0]})")
        if found:
            raise InputError(
                f"not the same clips: {', '.join(found)}; asda results compare --common leaves"
                " these out"
            )
        refuse_other_columns(self.folder, self.scored, folder, other)
        wrong = ~self.scored.same_truth(other)
        if wrong.any():
            raise InputError(
                f"{self.folder} and {folder} disagree on the truth of {wrong.sum()} clips "
                f"(first: {ours[np.argmax(wrong)]}); score both on the same data directory"
            )
