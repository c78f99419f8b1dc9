"""Strict readers for the CSV files that list a corpus; errors name file and line."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from asda.files import InputError, numbered_lines

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
SHOWN = 10  # bad lines that a message quotes; further ones are counted


class BadLines:
    """Bad lines of a file, to be reported together instead of one per run."""

    def __init__(self, path: Path):
        self.path = path
        self._messages: list[str] = []

    def add(self, message: str) -> None:
        """Add a message, which begins with file and line."""
        self._messages.append(message)

    def refuse(self) -> None:
        """Raise InputError if there are any; several become a list headed by their number."""
        count = len(self._messages)
        if count == 1:
            raise InputError(self._messages[0])
        if count:
            more = [f"and {count - SHOWN} more"] if count > SHOWN else []
            head = f"{self.path}: {count} lines are wrong"
            raise InputError("\n  ".join([head, *self._messages[:SHOWN], *more]))


class CsvTable:
    """A CSV file with a header; iterating once yields (line number, column name -> value).

    The header tells the separator: a comma, semicolon or tab. Column names are lower-cased; white
    space around names and values is removed. Bad lines are left out while iterating and refused
    after the last line, together with those that the caller adds to `bad`.

    Args:
        path: text as for `read_records`
        required: columns that must exist and have a value in every line
        remedy: what to do about a malformed line; ends the error message
        bad: collects the bad lines of a caller that refuses them itself, after more checks

    Raises:
        InputError: on a malformed header, and after the last line if any line is bad.
    """

    def __init__(
        self, path: Path, required: Sequence[str], remedy: str, bad: BadLines | None = None
    ):
        self.path, self.required, self.remedy = path, required, remedy
        self._refuses, self.bad = bad is None, bad or BadLines(path)
        text, before = _without_declaration(_text_of(path))
        self._records = _records(path, text, _separator(text, required), remedy, before)
        number, header = next(self._records, (1, []))
        self.columns = _names(header)
        for name in required:
            if name not in self.columns:
                raise InputError(f"{path}:{number}: {_no_column(name, self.columns, text)}")
        for name in filter(None, self.columns):
            if self.columns.count(name) > 1:
                raise InputError(f"{path}:{number}: duplicate column '{name}'; remove one")

    def __iter__(self) -> Iterator[tuple[int, dict[str, str]]]:
        try:
            for number, fields in self._records:
                values = dict(zip(self.columns, map(str.strip, fields), strict=False))
                if wrong := self._wrong(fields, values):
                    self.bad.add(f"{self.path}:{number}: {wrong}")
                else:
                    yield number, values
        except InputError as error:  # a quote that is never closed: no later line can be told
            self.bad.add(str(error))
        if self._refuses:
            self.bad.refuse()

    def _wrong(self, fields: list[str], values: dict[str, str]) -> str:
        if len(fields) != len(self.columns):
            return f"{len(fields)} fields, but the header has {len(self.columns)}; {self.remedy}"
        empty = next((name for name in self.required if not values[name]), None)
        return f"column '{empty}' is empty; fill it in or remove the line" if empty else ""


def read_records(path: Path, remedy: str) -> Iterator[tuple[int, list[str]]]:
    """Yield (line number, fields) for each non-empty line of a comma-separated file.

    Args:
        path: UTF-8 text with any line endings, with or without a byte order mark
        remedy: what to do about a malformed line; ends the error message

    Raises:
        InputError: if the text is not UTF-8, or a quoted field spans several lines.
    """
    return _records(path, _text_of(path), ",", remedy)


def _records(
    path: Path, text: str, separator: str, remedy: str, before: int = 0
) -> Iterator[tuple[int, list[str]]]:
    """Yield the records of a text that `before` lines of the file precede."""
    stream = io.StringIO(text, newline="")
    records = csv.reader(stream, strict=True, skipinitialspace=True, delimiter=separator)
    while True:
        number = before + records.line_num + 1
        try:
            fields = next(records, None)
        except csv.Error as error:
            raise InputError(f"{path}:{number}: {error}; {remedy}") from None
        if fields is None:
            return
        # A stray quote would otherwise swallow the lines up to the next one without a word.
        last = before + records.line_num
        if last != number:
            raise InputError(
                f"{path}:{number}: the quote is not closed before line {last}, and fields cannot"
                f" have line breaks; {remedy}"
            )
        # A line of separators is what a spreadsheet writes for an empty row.
        if any(field.strip() for field in fields):
            yield number, fields


def _text_of(path: Path) -> str:
    text = "\n".join(line for _, line in numbered_lines(path))
    if "\0" in text:  # every other byte of UTF-16 text is 0, which is valid UTF-8
        raise InputError(f"{path}:1: not UTF-8 text (perhaps UTF-16); save the file as UTF-8")
    return text


def _without_declaration(text: str) -> tuple[str, int]:
    """Remove a first line `sep=;`, which spreadsheets write; return how many lines were removed."""
    first, end, rest = text.partition("\n")
    declared = re.fullmatch(r'"?sep=.?"?\r?', first, re.IGNORECASE)
    return (rest, 1) if declared and end else (text, 0)


def _separator(text: str, required: Sequence[str]) -> str:
    """Return the separator by which the header has the required columns, else the likeliest."""
    header = next((line for line in text.splitlines() if line.strip()), "")

    def fit(separator: str) -> tuple[int, int]:
        names = header.lower().split(separator)
        stripped = {name.strip().strip('"') for name in names}
        return len(stripped.intersection(required)), len(names)

    return max(SEPARATORS, key=fit)  # of equal ones the first


def _names(header: Sequence[str]) -> list[str]:
    return [name.strip().lower() for name in header]


def _no_column(name: str, columns: list[str], text: str) -> str:
    found = ", ".join(columns) or "none"
    message = f"no column '{name}' (found: {found}); correct the header or add the column"
    if len(columns) == 1 and len(text.splitlines()) > 1:
        message += f"; columns are separated by {', '.join(SEPARATORS.values())}"
    return message
