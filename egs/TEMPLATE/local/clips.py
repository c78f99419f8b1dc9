"""The CSV of labels, and the clip of each of its lines."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

from asda.corpus.csv_table import CsvTable
from asda.files import InputError

REMEDY = 'put a field that holds a comma in quotes ("), and several labels as a;b'
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
        lines = CsvTable(path, ("file", "label"), REMEDY)
        self.columns = lines.columns
        if {"split", "fold"} <= set(self.columns):
            raise InputError(f"{path}: columns split and fold; take one of them away")
        self.clips = [self._clip(number, values) for number, values in lines]

    def _error(self, number: int, text: str) -> InputError:
        return InputError(f"{self.path}:{number}: {text}")

    @property
    def partition(self) -> str | None:
        """The column that divides the corpus, if there is one."""
        return next((name for name in ("split", "fold") if name in self.columns), None)

    def _clip(self, number: int, values: dict[str, str]) -> Clip:
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
        if not value:
            raise self._error(number, f"no {self.partition}; fill it in or leave the line out")
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


def word(text: str) -> str:
    """Return text as one word that is fit for ids and labels."""
    return re.sub(r"[^\w.-]+", "_", text.strip())
