"""Systems as rows, tasks as columns: their results in a table, and as points of a figure."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from asda.files import InputError
from asda.scoring.compare import (
    Comparison,
    mean_and_std,
    measured,
    metric_info,
    read_result,
    score_folder,
)
from asda.scoring.measurable import Metric
from asda.scoring.tables import Table, difference, with_interval, with_std


class Points(NamedTuple):
    """What a figure of systems shows: the metric, the tasks, and system -> its points.

    A point is the value with the ends of its interval (one run), or with a standard deviation below
    and above it (several); a task without a result has none.
    """

    metric: Metric
    columns: list[str]
    rows: dict[str, list[tuple[float, float, float] | None]]


class SystemsByTask:
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
        self.runs = runs or [""]
        self.several = len(self.runs) > 1  # a single run has no deviation, so its interval is shown
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
        if self.several:
            shown = f"mean ± standard deviation of {len(self.runs)} runs"
        note = f"{shown}; difference from {self.rows[0][0]} [95 % interval], * = excludes 0"
        return Table(header, lines, note)

    def points(self) -> Points:
        """Return the values of the table as numbers, for a figure.

        Raises:
            InputError: if the cells have no metric in common.
        """
        found = [[self._folders(row, column) for column in self.columns] for row in self.rows]
        first = read_result(next(cell[0] for line in found for cell in line if cell))
        name = self.metric or first["metric"]
        rows = [[self._point(cell, name) for cell in line] for line in found]
        titles = [title for title, _ in self.rows]
        columns = [title for title, _ in self.columns]
        return Points(metric_info(first)[name], columns, dict(zip(titles, rows, strict=True)))

    def _point(self, folders: list[Path], name: str) -> tuple[float, float, float] | None:
        """Return value, low and high: the interval of one run, the deviation of several."""
        if not folders:
            return None
        values = [measured(folder, name) for folder in folders]
        if not self.several:
            value, low, high = (values[0][key] for key in ("value", "low", "high"))
        else:
            over_runs = mean_and_std(name, [read_result(folder) for folder in folders])
            value, std = over_runs["mean"], over_runs["std"] or 0.0
            low, high = (None, None) if value is None else (value - std, value + std)
        if value is None:
            return None
        return value, value if low is None else low, value if high is None else high

    def _folders(self, row: tuple[str, str], column: tuple[str, str]) -> list[Path]:
        """Return the score folders of a cell, one for each run, if all runs have been scored."""
        cell = self.pattern.replace("{row}", row[1]).replace("{column}", column[1])
        folders = [score_folder(cell.replace("{run}", run)) for run in self.runs]
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
        if self.several:
            cell = with_std(metric, mean_and_std(name, [read_result(f) for f in folders]))
        if reference:
            cell += "; " + difference(metric, reference.difference(name, *folders))
        return cell


def _title_and_word(text: str) -> tuple[str, str]:
    """Return the title and the word of "Title=word"; a word alone is its own title."""
    title, _, word = text.rpartition("=")
    return title or word, word
