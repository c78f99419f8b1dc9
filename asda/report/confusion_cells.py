"""The confusion matrix of a page, whose cells open lists of their clips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from asda.scoring.clip_tables import Row

MOST_CLASSES = 60  # rows and columns; a larger table can neither be read nor tabbed through
SHADES = 8  # steps of colour
IN_CELL = 30  # clips listed of a cell with errors
IN_CORRECT_CELL = 10


@dataclass
class Cell:
    """A pair of true and predicted class.

    Args:
        count: clips
        shade: from 0 = no clip to SHADES = all clips of the true class
        key: key of its list of clips; "" = no list
    """

    count: int
    shade: int
    key: str


@dataclass
class Matrix:
    """A confusion matrix as a table.

    Args:
        labels: labels of the rows, and in the same order of the columns
        rows: cells, row = true, column = predicted class
        classes: number of all classes
    """

    labels: list[str]
    rows: list[list[Cell]]
    classes: int


def shown_classes(confusion: np.ndarray) -> list[int]:
    """Return the classes that the matrix shows: all, or those with the most errors.

    Args:
        confusion: (classes, classes) int, row = true, column = predicted class
    """
    errors = confusion.sum(axis=0) + confusion.sum(axis=1) - 2 * confusion.diagonal()
    chosen = np.argsort(-errors, kind="stable")[:MOST_CLASSES]
    return sorted(chosen.tolist())


def confusion_table(confusion: np.ndarray, labels: Sequence[str], listed: set[str]) -> Matrix:
    """Return the matrix of the classes shown.

    Args:
        confusion: (classes, classes) int
        labels: class names in that order
        listed: keys of the cells whose clips are listed
    """
    shown = shown_classes(confusion)
    fraction = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    # Errors are mostly small fractions; their square roots can be told apart by colour.
    strength = np.where(np.eye(len(confusion), dtype=bool), fraction, np.sqrt(fraction))
    rows = [
        [
            Cell(
                int(confusion[true, predicted]),
                int(np.ceil(SHADES * strength[true, predicted])),
                key if (key := cell_key(labels[true], labels[predicted])) in listed else "",
            )
            for predicted in shown
        ]
        for true in shown
    ]
    return Matrix([labels[c] for c in shown], rows, len(labels))


def cell_key(true: str, predicted: str) -> str:
    """Return the name of a cell's list; labels have no tab, which separates words of tables."""
    return f"{true}\t{predicted}"


def cell_rows(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Return the clips of each cell.

    Args:
        rows: the table of predictions, the most confident errors first
    """
    cells: dict[str, list[Row]] = {}
    for row in rows:
        cells.setdefault(cell_key(row["true"], row["predicted"]), []).append(row)
    return cells


def decision_rows(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Return the clips that were missed or falsely given for each class, with several labels.

    Args:
        rows: the table of predictions, the most confident errors first
    """
    decisions: dict[str, list[Row]] = {}
    for row in rows:
        for kind in ("missed", "false"):
            for label in row[kind].split():
                decisions.setdefault(cell_key(kind, label), []).append(row)
    return decisions


def listed_rows(rows: Sequence[Row]) -> Sequence[Row]:
    """Return the listed clips of a cell: the most confident errors, or least certain decisions."""
    correct = rows[0]["true"] == rows[0]["predicted"]
    return rows[: IN_CORRECT_CELL if correct else IN_CELL]
