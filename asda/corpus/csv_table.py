"""Strict readers for the CSV files that list a corpus; errors name file and line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from asda.files import InputError, numbered_lines


class CsvTable:
    """A CSV file with a header; iterating once yields (line number, column name -> value).

    Column names are lower-cased; white space around names and values is removed.

    Args:
        path: UTF-8 text, as for `read_records`
        required: columns that must exist and have a value in every line
        remedy: what to do about a malformed line; ends the error message

    Raises:
        InputError: on a malformed header, and while iterating on a malformed line.
    """

    def __init__(self, path: Path, required: Sequence[str], remedy: str):
        self.path, self.required, self.remedy = path, required, remedy
        self._records = read_records(path, remedy)
        number, header = next(self._records, (1, []))
        self.columns = [name.strip().lower() for name in header]
        for name in required:
            if name not in self.columns:
                found = ", ".join(self.columns) or "none"
                raise InputError(
                    f"{path}:{number}: no column '{name}' (found: {found}); "
                    "correct the header or add the column"
                )
        for name in filter(None, self.columns):
            if self.columns.count(name) > 1:
                raise InputError(f"{path}:{number}: duplicate column '{name}'; remove one")

    def __iter__(self) -> Iterator[tuple[int, dict[str, str]]]:
        for number, fields in self._records:
            where = f"{self.path}:{number}"
            if len(fields) != len(self.columns):
                raise InputError(
                    f"{where}: {len(fields)} fields, but the header has {len(self.columns)}; "
                    f"{self.remedy}"
                )
            values = dict(zip(self.columns, map(str.strip, fields), strict=True))
            for name in self.required:
                if not values[name]:
                    raise InputError(
                        f"{where}: column '{name}' is empty; fill it in or remove the line"
                    )
            yield number, values


def read_records(path: Path, remedy: str) -> Iterator[tuple[int, list[str]]]:
    """Yield (line number, fields) for each non-empty line of a CSV file.

    Args:
        path: UTF-8 text with any line endings, with or without a byte order mark
        remedy: what to do about a malformed line; ends the error message

    Raises:
        InputError: if the text is not UTF-8, or a quoted field spans several lines.
    """
    text = "\n".join(line for _, line in numbered_lines(path))
    if "\0" in text:  # every other byte of UTF-16 text is 0, which is valid UTF-8
        raise InputError(f"{path}:1: not UTF-8 text (perhaps UTF-16); save the file as UTF-8")
    records = csv.reader(io.StringIO(text, newline=""), strict=True, skipinitialspace=True)
    while True:
        number = records.line_num + 1
        try:
            fields = next(records, None)
        except csv.Error as error:
            raise InputError(f"{path}:{number}: {error}; {remedy}") from None
        if fields is None:
            return
        # A stray quote would otherwise swallow the lines up to the next one without a word.
        if records.line_num != number:
            raise InputError(
                f"{path}:{number}: the quote is not closed before line {records.line_num}; {remedy}"
            )
        if fields:
            yield number, fields
