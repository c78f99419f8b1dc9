"""Tables of experiments: all of a folder, systems compared with one, systems against tasks."""

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
    mean_and_std,
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
    with_std,
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


class SystemsTable:
    """Systems as rows, tasks as columns, differences to the first row.

    Args:
        pattern: path of the experiments or score folders, with {row}, {column} and, if there are
            runs, {run}
        rows: what replaces {row}; "Title=word" shows the title
        columns: what replaces {column}, in the same form
        runs: what replaces {run}, e.g. a folder for each seed; a cell is the mean over all runs
        metric: the metric to show (None = the main metric of each result)
        groups_file: a table `utterance group`, whose groups the intervals draw whole

    Raises:
        InputError: if no cell has a result, or runs are given without {run} or the reverse.
    """

    def __init__(
        self,
        pattern: str,
        rows: list[str],
        columns: list[str],
        runs: list[str] | None = None,
        metric: str | None = None,
        groups_file: Path | None = None,
    ):
        if ("{run}" in pattern) != bool(runs):
            raise InputError(f"'{pattern}': {{run}} and --runs belong together; give both or none")
        self.pattern = pattern
        self.rows = [_title_and_word(row) for row in rows]
        self.columns = [_title_and_word(column) for column in columns]
        self.runs = runs
        self.metric = metric
        self.groups_file = groups_file
        if not any(self._folders(row, column) for row in self.rows for column in self.columns):
            raise InputError(
                f"no result in '{pattern}' for any of the rows {', '.join(rows)} and columns"
                f" {', '.join(columns)}{' in all runs' if runs else ''}; score the models first"
            )

    def table(self) -> Table:
        """Return the table with a line that explains its cells."""
        cells = zip(*(self._column(column) for column in self.columns), strict=True)
        header = ["", *(title for title, _ in self.columns)]
        lines = [(title, *line) for (title, _), line in zip(self.rows, cells, strict=True)]
        shown = "value [95 % interval]"
        if self.runs:
            shown = f"mean ± standard deviation of {len(self.runs)} runs"
        note = f"{shown}; difference to {self.rows[0][0]} [95 % interval], * = excludes 0"
        return Table(header, lines, note)

    def _folders(self, row: tuple[str, str], column: tuple[str, str]) -> list[Path]:
        """Return the score folders of a cell, one for each run, if all runs have been scored."""
        cell = self.pattern.replace("{row}", row[1]).replace("{column}", column[1])
        folders = [score_folder(cell.replace("{run}", run)) for run in self.runs or [""]]
        return folders if all((folder / "result.json").exists() for folder in folders) else []

    def _column(self, column: tuple[str, str]) -> list[str]:
        """Return the cells of a column; the first row is what the others are compared with."""
        systems = [self._folders(row, column) for row in self.rows]
        reference = Comparison(*systems[0], groups_file=self.groups_file) if systems[0] else None
        return [
            self._cell(folders, reference if folders != systems[0] else None) for folders in systems
        ]

    def _cell(self, folders: list[Path], reference: Comparison | None) -> str:
        if not folders:
            return "–"
        first = read_result(folders[0])
        name = self.metric or first["metric"]
        values = [measured(folder, name) for folder in folders]  # refuses a missing metric
        metric = metric_info(first)[name]
        cell = with_interval(metric, values[0])
        if self.runs:
            cell = with_std(metric, mean_and_std(name, [read_result(f) for f in folders]))
        if reference:
            cell += "; " + difference(metric, reference.difference(name, *folders))
        return cell


def _title_and_word(text: str) -> tuple[str, str]:
    """Return the title and the word of "Title=word"; a word alone is its own title."""
    title, _, word = text.rpartition("=")
    return title or word, word
