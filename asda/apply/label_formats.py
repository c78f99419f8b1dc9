"""Labels as text: for a terminal, as JSON Lines and CSV, and for Audacity and Raven."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from typing import Any

from asda.apply.rows import Row, RowFormat, json_lines, name_column
from asda.files import printable

# A row has labels, best first:
# "labels": [{"label": str, "index": int, "score": float}, ...]

CSV_COLUMNS = ("file", "utterance", "start", "end", "label", "index", "score", "model")
RAVEN_COLUMNS = (
    *("Selection", "View", "Channel", "Begin Time (s)", "End Time (s)"),
    *("Low Freq (Hz)", "High Freq (Hz)", "Begin File", "Label", "Score"),
)


def text_formats(highest: float) -> dict[str, RowFormat]:
    """Return the formats of files by name.

    Args:
        highest: half the sample rate of the model in Hz, to which a selection of Raven extends
    """
    return {
        "jsonl": RowFormat(json_lines),
        "csv": RowFormat(_csv_lines, ",".join(CSV_COLUMNS)),
        "audacity": RowFormat(_audacity_lines, suffix=".txt"),
        "raven": RowFormat(
            lambda rows: _raven_lines(rows, highest),
            "\t".join(RAVEN_COLUMNS),
            ".selections.txt",
        ),
    }


def table_format(names: Sequence[str], with_times: bool, models: dict[str, str]) -> RowFormat:
    """Return the format of the terminal: a line for each stretch, in columns.

    Args:
        names: of all inputs, which give the width of their column
        with_times: whether a row may be a part of its input
        models: digest -> name of a model, shown if there are several
    """
    name = name_column(names)

    def line(row: Row) -> str:
        words = [name(row)]
        if with_times:
            words.append(f"{row['start']:9.2f} {row['end']:9.2f} s")
        if len(models) > 1:
            words.append(models[row["model"]])
        labels = (f"{found['label']} {found['score']:.3f}" for found in row["labels"])
        return "  ".join([*words, *labels])

    return RowFormat(lambda rows: [line(row) for row in rows])


def _csv_lines(rows: Sequence[Row]) -> list[str]:
    lines: list[str] = []
    for row in rows:
        place = (row["file"], row.get("utterance", ""), row["start"], row["end"])
        for found in row["labels"]:
            label = (found["label"], found["index"], found["score"])
            lines.append(_csv_line((*place, *label, row["model"])))
    return lines


def _csv_line(cells: Sequence[Any]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\r\n").writerow(cells)  # quotes names with either of them
    return stream.getvalue().removesuffix("\r\n")


def _audacity_lines(rows: Sequence[Row]) -> list[str]:
    return [
        f"{row['start']:.6f}\t{row['end']:.6f}\t{printable(found['label'])} {found['score']:.2f}"
        for row in rows
        for found in row["labels"]
    ]


def _raven_lines(rows: Sequence[Row], highest: float) -> list[str]:
    found = [(row, one) for row in rows for one in row["labels"]]
    return [
        f"{number}\tSpectrogram 1\t1\t{row['start']:.6f}\t{row['end']:.6f}\t0.0\t{highest:.1f}\t"
        f"{printable(os.path.basename(row['file']))}\t{printable(one['label'])}\t{one['score']:g}"
        for number, (row, one) in enumerate(found, 1)
    ]
