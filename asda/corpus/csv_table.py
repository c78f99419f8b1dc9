"""CSV files that list a corpus, read strictly: what is wrong is said by file and line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from asda.files import InputError, numbered_lines


class CsvTable:
    """A CSV with a header; iterating once gives (line number, value by column) of its lines.

    Columns are named in lower case, and neither they nor values have spaces around them.

    Args:
        path: as for `read_records`
        required: columns that must be there, with a value in each line
        remedy: what to do about a line that is not whole

    Raises:
        InputError: also while iterating.
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
                    f"{path}:{number}: no column '{name}' (found: {found}); name it so"
                )
        for name in filter(None, self.columns):
            if self.columns.count(name) > 1:
                raise InputError(f"{path}:{number}: column '{name}' is there twice; take one away")

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
                    raise InputError(f"{where}: no {name}; fill it in or leave the line out")
            yield number, values


def read_records(path: Path, remedy: str) -> Iterator[tuple[int, list[str]]]:
    """Yield (line number, fields) of a CSV's lines that are not empty.

    Args:
        path: UTF-8 text, with or without a byte order mark, of any line ends
        remedy: what to do about a line that is not whole

    Raises:
        InputError: on other text, and on quotes that are not closed in their line.
    """
    text = "\n".join(line for _, line in numbered_lines(path))
    if "\0" in text:
        raise InputError(f"{path}:1: not UTF-8 text but perhaps UTF-16; save it as UTF-8")
    records = csv.reader(io.StringIO(text, newline=""), strict=True, skipinitialspace=True)
    while True:
        number = records.line_num + 1
        try:
            fields = next(records, None)
        except csv.Error as error:
            raise InputError(f"{path}:{number}: {error}; {remedy}") from None
        if fields is None:
            return
        if records.line_num != number:
            raise InputError(
                f"{path}:{number}: a quote is closed only in line {records.line_num}; {remedy}"
            )
        if fields:
            yield number, fields
