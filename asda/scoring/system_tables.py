"""Tables of experiments: all of a folder, systems compared with one, systems against tasks."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from asda.files import InputError
from asda.scoring.compare import (
    Comparison,
    find_results,
    mean_and_std,
    measured,
    metric_info,
    read_result,
)
from asda.scoring.tables import (
    clips_counted,
    difference,
    markdown_table,
    number,
    with_interval,
    with_std,
)


def list_table(root: Path, metric: str | None = None, with_folds: bool = False) -> str:
    """Return a table of every result below a folder, the best of each metric first.

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
            (folder.parent if folder.name == "score" else folder).relative_to(root),
            result["provenance"].get("data", ""),
            f"{metric_info(result)[name].title} {_value(name, result)}",
            clips_counted(result["clips"]),
            result["provenance"].get("updates", ""),
            result["environment"]["date"][:16].replace("T", " "),
        )
        for name, folder, result in sorted(shown, key=lambda row: (row[0], _rank(*row), row[1]))
    ]
    header = ["experiment", "set", "result [95 % interval]", "clips", "updates", "date"]
    return markdown_table(header, rows)


def _rank(name: str, folder: Path, result: dict[str, Any]) -> float:
    """Return a number that is lower for a better result, and infinite for an undefined one."""
    value: float | None = result["metrics"][name]["value"]
    if value is None:
        return math.inf
    return -value if metric_info(result)[name].higher_is_better else value


def _value(name: str, result: dict[str, Any]) -> str:
    return with_interval(metric_info(result)[name], result["metrics"][name])


def merged_line(out: Path, result: dict[str, Any]) -> str:
    """Return a line that gives the result of merged folds, and their mean."""
    name = result["metric"]
    metric = metric_info(result)[name]
    return (
        f"{out}: {metric.title} {_value(name, result)}, mean of {len(result['folds'])} folds "
        f"{number(metric, result['over_folds'][name]['mean'])}"
    )


def comparison_table(
    folders: list[Path], metric: str | None = None, groups_file: Path | None = None
) -> str:
    """Return a table of systems with their differences to the first, on the same clips.

    Args:
        folders: score folders, the reference first
        metric: the metric to compare (None = the main metric of the reference)
        groups_file: a table `utterance group`, whose groups the intervals draw whole

    Raises:
        InputError: if systems cannot be compared.
    """
    first, *others = folders
    name = metric or read_result(first)["metric"]
    values = [measured(folder, name) for folder in folders]
    description = metric_info(read_result(first))[name]
    comparison = Comparison(first, groups_file=groups_file)
    cells = ["", *(difference(description, comparison.difference(name, f)) for f in others)]
    rows = [
        (folder, with_interval(description, value), cell)
        for folder, value, cell in zip(folders, values, cells, strict=True)
    ]
    header = ["system", f"{description.title} [95 %]", f"minus {first} [95 %]"]
    note = "* = the interval of the difference excludes 0"
    return f"{markdown_table(header, rows)}\n\n{note}"


class SystemsTable:
    """Systems as rows, tasks as columns, differences to the first row.

    Args:
        pattern: path of the score folders, with {row}, {column} and, if there are runs, {run}
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

    def text(self) -> str:
        """Return the table and a line that explains its cells."""
        cells = zip(*(self._column(column) for column in self.columns), strict=True)
        header = ["", *(title for title, _ in self.columns)]
        lines = [(title, *line) for (title, _), line in zip(self.rows, cells, strict=True)]
        shown = "value [95 % interval]"
        if self.runs:
            shown = f"mean ± standard deviation of {len(self.runs)} runs"
        note = f"{shown}; difference to {self.rows[0][0]} [95 % interval], * = excludes 0"
        return f"{markdown_table(header, lines)}\n\n{note}"

    def _folders(self, row: tuple[str, str], column: tuple[str, str]) -> list[Path]:
        """Return the score folders of a cell, one for each run, if all runs have been scored."""
        cell = self.pattern.replace("{row}", row[1]).replace("{column}", column[1])
        folders = [Path(cell.replace("{run}", run)) for run in self.runs or [""]]
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
