"""The table of classes, which the page sorts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from asda.report.confusion_cells import cell_key
from asda.report.listed_clips import short
from asda.scoring.class_tables import COLUMNS
from asda.scoring.clip_tables import Row
from asda.scoring.tables import number

MOST_CLASSES = 2000  # rows; the worst are shown
TITLES = {"d_prime": "d′", "AP": "AP %", "recall": "recall %", "precision": "precision %"}


@dataclass
class ClassCell:
    """A number, or a number that opens a list of clips.

    Args:
        text: what is shown
        value: what is sorted by, "" = undefined
        key: key of the list of clips that it opens, "" = none
    """

    text: str
    value: str
    key: str = ""


@dataclass
class ClassTable:
    """Classes as rows, the worst first.

    Args:
        columns: titles of the columns after that of the class
        rows: name and cells of each class
        sorted_by: number of the column by which rows are sorted at first
        total: number of all classes
    """

    columns: list[str]
    rows: list[tuple[str, list[ClassCell]]]
    sorted_by: int
    total: int


def class_table(
    result: Mapping[str, Any], decisions: Mapping[str, list[Row]], listed: set[str]
) -> ClassTable:
    """Return the table of classes.

    Args:
        result: content of result.json of a classifier
        decisions: decision -> clips, see decision_rows; only if clips have any number of labels
        listed: keys of the decisions whose clips are listed
    """
    measured = [name for name in result["per_class"][0] if name in COLUMNS]
    worst_by = "AP" if result["multi_label"] else "recall"
    ranked = sorted(result["per_class"], key=lambda row: _rank(row[worst_by]))
    columns = ["clips", *(TITLES.get(name, name) for name in measured)]
    rows = [(short(row["label"]), _cells(row, measured)) for row in ranked[:MOST_CLASSES]]
    if result["multi_label"]:
        columns += ["missed", "false alarms"]
        for label, cells in rows:
            for kind in ("missed", "false"):
                key = cell_key(kind, label)
                count = str(len(decisions.get(key, [])))
                cells.append(ClassCell(count, count, key if key in listed else ""))
    sorted_by = 2 + measured.index(worst_by)
    return ClassTable(columns, rows, sorted_by, len(ranked))


def _rank(value: float | None) -> float:
    return float("inf") if value is None else value


def _cells(row: Mapping[str, Any], measured: list[str]) -> list[ClassCell]:
    numbers = [
        ClassCell(number(COLUMNS[name], row[name]), "" if row[name] is None else f"{row[name]:.6g}")
        for name in measured
    ]
    return [ClassCell(str(row["clips"]), str(row["clips"])), *numbers]
