"""The CSV of labels, and the clip of each of its lines."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from asda.files import InputError

SETS = {
    "train": ("train", "training"),
    "valid": ("valid", "validation", "val", "dev", "development"),
    "test": ("test", "testing", "eval", "evaluation"),
}


class Clip(NamedTuple):
    """A line of the CSV."""

    utterance: str
    path: Path
    labels: tuple[str, ...]
    group: str
    part: str | None  # its set or fold, if given beforehand


class Table:
    """The CSV of labels.

    Args:
        path: the CSV
        audio: folder of the files that it lists
    """

    def __init__(self, path: Path, audio: Path):
        self.path = path
        self.audio = audio.resolve()
        self._named: dict[tuple[str, str], tuple[str, int]] = {}
        records = read_records(path)
        number, header = next(records, (1, []))
        self.columns = [name.strip().lower() for name in header]
        self._check_columns(number)
        self.clips = [self._clip(number, fields) for number, fields in records]

    def _error(self, number: int, text: str) -> InputError:
        return InputError(f"{self.path}:{number}: {text}")

    def _check_columns(self, number: int) -> None:
        for name in ("file", "label"):
            if name not in self.columns:
                found = ", ".join(self.columns) or "none"
                raise self._error(number, f"no column '{name}' (found: {found}); name it so")
        for name in filter(None, self.columns):
            if self.columns.count(name) > 1:
                raise self._error(number, f"column '{name}' is there twice; take one away")
        if {"split", "fold"} <= set(self.columns):
            raise self._error(number, "columns split and fold; take one of them away")

    @property
    def partition(self) -> str | None:
        """The column that divides the corpus, if there is one."""
        return next((name for name in ("split", "fold") if name in self.columns), None)

    def _clip(self, number: int, fields: list[str]) -> Clip:
        values = self._values(number, fields)
        path = Path(os.path.normpath(self.audio / values["file"]))
        if not os.path.isfile(path):
            raise self._error(number, f"no file {path}; correct the line or leave it out")
        file = os.path.relpath(path, self.audio)
        name = word(file.removesuffix(path.suffix).replace("/", "-"))
        utterance, group = self._grouped(number, file, name, values.get("group"))
        self._call(number, "file", file, utterance)
        return Clip(
            utterance,
            path,
            self._labels(number, values["label"]),
            group,
            self.partition and self._part(number, values[self.partition]),
        )

    def _values(self, number: int, fields: list[str]) -> dict[str, str]:
        if len(fields) != len(self.columns):
            raise self._error(
                number,
                f"{len(fields)} fields, but the header has {len(self.columns)}; put a field "
                'that holds a comma in quotes ("), and several labels as a;b',
            )
        values = dict(zip(self.columns, map(str.strip, fields), strict=True))
        for name in filter(None, ("file", "label", self.partition)):
            if not values[name]:
                raise self._error(number, f"no {name}")
        return values

    def _grouped(self, number: int, file: str, name: str, group: str | None) -> tuple[str, str]:
        """Return the clip's id and group; without a group it is a group of its own."""
        if group is None:
            return name, name
        # Ids begin with the group, which has no dash, and then a dash, so that both sort alike.
        called = word(group or name).replace("-", "_")
        self._call(number, "group", group or file, called)
        return f"{called}-{name}" if group else called, called

    def _labels(self, number: int, value: str) -> tuple[str, ...]:
        labels = {
            self._call(number, "label", label.strip(), word(label))
            for label in value.split(";")
            if label.strip()
        }
        if not labels:
            raise self._error(number, f"no label in '{value}'")
        return tuple(sorted(labels))

    def _part(self, number: int, value: str) -> str:
        if self.partition == "fold":
            return self._call(number, "fold", value, word(value))
        for name, synonyms in SETS.items():
            if value.lower() in synonyms:
                return name
        raise self._error(number, f"split is train, valid or test, not '{value}'")

    def _call(self, number: int, kind: str, text: str, name: str) -> str:
        """Return the name, which no other text of the kind may have; files have but one line."""
        other, line = self._named.setdefault((kind, name), (text, number))
        if other != text:
            raise self._error(
                number,
                f"{kind} '{text}' and '{other}' (line {line}) would both be called '{name}'; "
                "rename one or write them alike",
            )
        if kind == "file" and line != number:
            raise self._error(number, f"'{text}' is in line {line} already; take one line away")
        return name


def read_records(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield (line number, fields) of a CSV's lines that are not empty."""
    lines = csv.reader(io.StringIO(_text(path), newline=""), strict=True, skipinitialspace=True)
    while True:
        number = lines.line_num + 1
        try:
            fields = next(lines, None)
        except csv.Error as error:
            raise InputError(f'{path}:{number}: {error}; check the quotes (")') from None
        if fields is None:
            return
        if lines.line_num != number:
            raise InputError(
                f'{path}:{number}: a field goes on to line {lines.line_num}; close its quote (") '
                "or take the line break out"
            )
        if fields:
            yield number, fields


def _text(path: Path) -> str:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(
            f"{path}: {error.strerror}; give the CSV of labels (run.sh: labels)"
        ) from None
    except UnicodeDecodeError as error:
        number = error.object.count(b"\n", 0, error.start) + 1
        raise InputError(f"{path}:{number}: is not UTF-8; save the CSV as UTF-8") from None
    if "\0" in text:
        raise InputError(f"{path}:1: is not UTF-8 but perhaps UTF-16; save the CSV as UTF-8")
    return text


def word(text: str) -> str:
    """Return text as one word that is fit for ids and labels."""
    return re.sub(r"[^\w.-]+", "_", text.strip())
