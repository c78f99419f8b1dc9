"""Read the CSV of labels: one clip per line."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

from asda.corpus.csv_table import CsvTable
from asda.files import InputError

REMEDY = 'quote fields that contain a comma ("), and write several labels as a;b'
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
    part: str | None  # set or fold, if the CSV assigns one


class Table:
    """The CSV of labels.

    Args:
        path: the CSV
        audio: folder that the paths in it are relative to
    """

    def __init__(self, path: Path, audio: Path):
        self.path = path
        self.audio = audio.resolve()
        self._names: dict[tuple[str, str], tuple[str, int]] = {}  # (kind, name) -> text, line
        lines = CsvTable(path, ("file", "label"), REMEDY)
        self.columns = lines.columns
        if {"split", "fold"} <= set(self.columns):
            raise InputError(f"{path}:1: both columns split and fold exist; remove one of them")
        self.clips = [self._clip(number, values) for number, values in lines]

    def _error(self, number: int, text: str) -> InputError:
        return InputError(f"{self.path}:{number}: {text}")

    @property
    def partition(self) -> str | None:
        """The column that assigns clips to sets or folds, None if there is none."""
        return next((name for name in ("split", "fold") if name in self.columns), None)

    def _clip(self, number: int, values: dict[str, str]) -> Clip:
        path = Path(os.path.normpath(self.audio / values["file"]))
        if not os.path.isfile(path):
            raise self._error(number, f"no file {path}; correct the line or remove it")
        file = os.path.relpath(path, self.audio)
        name = as_word(file.removesuffix(path.suffix).replace("/", "-"))
        utterance, group = self._grouped(number, file, name, values.get("group"))
        self._unique(number, "file", file, utterance)
        return Clip(
            utterance,
            path,
            self._labels(number, values["label"]),
            group,
            self.partition and self._part(number, values[self.partition]),
        )

    def _grouped(self, number: int, file: str, name: str, group: str | None) -> tuple[str, str]:
        """Return utterance ID and group; a clip without a group forms its own."""
        if group is None:
            return name, name
        # The ID is GROUP-NAME. A dash sorts before all other characters of a word, so utterances
        # sort as their groups do if no group contains one.
        group_name = as_word(group or name).replace("-", "_")
        self._unique(number, "group", group or file, group_name)
        return f"{group_name}-{name}" if group else group_name, group_name

    def _labels(self, number: int, value: str) -> tuple[str, ...]:
        labels = {
            self._unique(number, "label", label.strip(), as_word(label))
            for label in value.split(";")
            if label.strip()
        }
        if not labels:
            raise self._error(number, f"no label in '{value}'; add one or remove the line")
        return tuple(sorted(labels))

    def _part(self, number: int, value: str) -> str:
        if not value:
            raise self._error(
                number, f"column '{self.partition}' is empty; fill it in or remove the line"
            )
        if self.partition == "fold":
            return self._unique(number, "fold", value, as_word(value))
        for name, synonyms in SETS.items():
            if value.lower() in synonyms:
                return name
        raise self._error(number, f"split must be train, valid or test, not '{value}'")

    def _unique(self, number: int, kind: str, text: str, name: str) -> str:
        """Return the name; refuse it if another text got it, or if a file is listed twice."""
        other, line = self._names.setdefault((kind, name), (text, number))
        if other != text:
            raise self._error(
                number,
                f"{kind} '{text}' and '{other}' (line {line}) would both become '{name}'; "
                "rename one, or spell them the same way",
            )
        if kind == "file" and line != number:
            raise self._error(number, f"'{text}' is also in line {line}; remove one of them")
        return name


def as_word(text: str) -> str:
    """Turn text into one word that is valid as an ID or label."""
    return re.sub(r"[^\w.-]+", "_", text.strip())
