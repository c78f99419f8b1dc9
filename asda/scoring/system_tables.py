"""Tables of experiments: all of a folder, and systems compared with one."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from asda.files import InputError
from asda.scoring.compare import (
    Comparison,
    common_clips,
    experiment_of,
    find_results,
    measured,
    metric_info,
    read_result,
    score_folder,
)
from asda.scoring.tables import (
    Table,
    clips_counted,
    difference,
    validation_result,
    with_interval,
)


def list_table(root: Path, metric: str | None = None, with_folds: bool = False) -> Table:
    """Return a table of every result below a folder, the best validation result first.

    Args:
        root: folder of experiments
        metric: the metric to show (None = the main metric of each result)
        with_folds: whether to include the folds of merged results

    Raises:
        InputError: if there is no folder, or no result with the metric.
    """
    if not root.is_dir():
        raise InputError(f"{root}: no such folder")
    results = find_results(root, with_folds)
    if not results:
        raise InputError(f"{root}: no results below it; run the recipe up to its stage 5 (score)")
    shown = [
        (metric or result["metric"], folder, result)
        for folder, result in results.items()
        if metric is None or metric in result["metrics"]
    ]
    if not shown:
        raise InputError(f"{root}: no result below it has the metric {metric}")
    rows = [
        (
            str(experiment_of(folder).relative_to(root)),
            result["provenance"].get("data", ""),
            validation_result(result, name),
            f"{metric_info(result)[name].title} {_value(name, result)}",
            clips_counted(result["clips"]),
            result["provenance"].get("updates", ""),
            result["environment"]["date"][:16].replace("T", " "),
        )
        for name, folder, result in sorted(shown, key=_sort_key)
    ]
    header = ["experiment", "set", "valid", "result [95 % interval]", "clips", "updates", "date"]
    return Table(header, rows, optional=["date", "updates", "set", "clips"])


def _sort_key(row: tuple[str, Path, dict[str, Any]]) -> tuple[Any, ...]:
    """Return the sorting key of a result: the best validation result comes first.

    A model that was chosen by its test result would look better than it is, so the test result
    orders only those without a validation result in the same metric.
    """
    name, folder, result = row
    found = result.get("validation") or {}
    value = found.get("value") if found.get("metric") == name else None
    test = result["metrics"][name]["value"]
    return name, _rank(name, result, value), _rank(name, result, test), folder


def _rank(name: str, result: dict[str, Any], value: float | None) -> float:
    """Return a number that is lower for a better value, and infinite for an undefined one."""
    if value is None:
        return math.inf
    return -value if metric_info(result)[name].higher_is_better else value


def _value(name: str, result: dict[str, Any]) -> str:
    return with_interval(metric_info(result)[name], result["metrics"][name])


def comparison_table(
    folders: list[Path],
    metric: str | None = None,
    groups_file: Path | None = None,
    common: bool = False,
) -> Table:
    """Return a table of systems with their differences to the first, on the same clips.

    Args:
        folders: experiments or score folders, the reference first
        metric: the metric to compare (None = the main metric of the reference)
        groups_file: a table `utterance group`, whose groups the intervals draw whole
        common: whether to leave out clips that one of the systems lacks

    Raises:
        InputError: if systems cannot be compared.
    """
    systems = [score_folder(folder) for folder in folders]
    first, *others = systems
    name = metric or read_result(first)["metric"]
    values = [measured(folder, name) for folder in systems]
    description = metric_info(read_result(first))[name]
    clips = common_clips(systems) if common else None
    comparison = Comparison(first, groups_file=groups_file, clips=clips)
    note = "* = the interval of the difference excludes 0"
    if clips is not None:
        values = [comparison.measured(folder, name) for folder in systems]
        note = f"on the {len(clips)} clips that all systems have; {note}"
    cells = ["", *(difference(description, comparison.difference(name, f)) for f in others)]
    rows = [
        (str(experiment_of(folder)), with_interval(description, value), cell)
        for folder, value, cell in zip(systems, values, cells, strict=True)
    ]
    header = ["system", f"{description.title} [95 %]", "minus the first [95 %]"]
    return Table(header, rows, note)
