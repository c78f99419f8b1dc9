"""Read the CSV of labels or transcripts: one clip per line."""

from __future__ import annotations

import os
import re
import sys
import unicodedata
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from asda.audio.wav_scp import can_be_listed
from asda.corpus.audio_folder import is_clutter
from asda.corpus.csv_table import BadLines, CsvTable
from asda.corpus.listed_files import ListedFiles
from asda.files import InputError

REMEDIES = {  # column -> what to do about a malformed line
    "label": 'quote fields that contain the separator ("), and write several labels as "a;b"',
    "text": 'quote fields that contain the separator ("), and write quotes in them twice ("")',
}
OTHER_TASK = {  # column -> the column of the other task
    "label": ("text", "for recognition write task=recognition into run.sh"),
    "text": ("label", "for classification write task=classification into run.sh"),
}
LIST = re.compile(r"[,|\t]|^\[.*\]$")  # marks of lists of labels in other programs' tables
SETS = {
    "train": ("train", "training"),
    "valid": ("valid", "validation", "val", "dev", "development"),
    "test": ("test", "testing", "eval", "evaluation"),
}


class Line(NamedTuple):
    """A line of the CSV whose file exists.

    Args:
        number: line number
        file: path relative to the folder of the audio
        labels: classes in order of the alphabet; () for recognition
        text: the transcript; "" for classification
        group: value of the column; None if there is none
        part: set or fold, if the CSV assigns one
    """

    number: int
    file: str
    labels: tuple[str, ...]
    text: str
    group: str | None
    part: str | None

    @property
    def stem(self) -> str:
        return as_word(os.path.splitext(self.file)[0].replace("/", "-"))


class Clip(NamedTuple):
    """A line of the CSV as an utterance."""

    utterance: str
    path: Path
    labels: tuple[str, ...]
    text: str
    group: str
    part: str | None


class Table:
    """The CSV; all its wrong lines are reported together.

    Args:
        path: the CSV
        audio: folder that the paths in it are relative to
        content: column of what is to be learned, "label" or "text"
    """

    def __init__(self, path: Path, audio: Path, content: str):
        self.path, self.content = path, content
        self._files = ListedFiles(audio)
        self._names: dict[tuple[str, str], dict[str, int]] = {}  # (kind, name) -> text -> line
        self._bad = BadLines(path)
        try:
            table = CsvTable(path, ("file", content), REMEDIES[content], self._bad)
        except InputError as error:
            raise self._of_other_task(error) from None
        self.columns = table.columns
        if {"split", "fold"} <= set(self.columns):
            raise InputError(f"{path}:1: both columns split and fold exist; remove one of them")
        self.clips = self._clips(self._lines(table))
        self._bad.refuse()
        self._say_which_may_be_several()

    def _of_other_task(self, error: InputError) -> InputError:
        """Return the error of a CSV that has no column for this task, but one for the other."""
        column, remedy = OTHER_TASK[self.content]
        missing = re.search(rf"no column '{self.content}' \(found: (.*)\);", str(error))
        if missing and column in missing.group(1).split(", "):
            return InputError(f"{str(error)[: missing.end()]} {remedy}")
        return error

    def _error(self, number: int, text: str) -> InputError:
        return InputError(f"{self.path}:{number}: {text}")

    @property
    def partition(self) -> str | None:
        """The column that assigns clips to sets or folds, None if there is none."""
        return next((name for name in ("split", "fold") if name in self.columns), None)

    def _lines(self, table: CsvTable) -> list[Line]:
        lines, clutter = [], 0
        for number, values in table:
            if is_clutter(re.split(r"[/\\]", values["file"])[-1]):
                clutter += 1
                continue
            try:
                lines.append(self._line(number, values))
            except InputError as error:
                self._bad.add(str(error))
        if clutter:
            print(
                f"local/data.py: {self.path}: {clutter} lines skipped: files without audio, "
                "such as ._NAME from a Mac, or Thumbs.db",
                file=sys.stderr,
            )
        return lines

    def _say_which_may_be_several(self) -> None:
        """Name a label that looks like a list written in another way than with semicolons."""
        lines = {
            text: line
            for (kind, _), texts in self._names.items()
            for text, line in texts.items()
            if kind == "label" and LIST.search(text)
        }
        if lines:
            text, line = min(lines.items(), key=lambda item: item[1])
            more = f", and so do {len(lines) - 1} more labels" if len(lines) > 1 else ""
            print(
                f"local/data.py: warning: {self.path}:{line}: '{text}' counts as one class{more}; "
                'if it is a list, separate several labels by semicolons: "a;b"',
                file=sys.stderr,
            )

    def _line(self, number: int, values: dict[str, str]) -> Line:
        path = self._files.find(values["file"])
        if path is None:
            similar = self._files.similar(values["file"])
            raise self._error(
                number,
                f"no file {os.path.join(self._files.folder, values['file'])}; "
                + (f"did you mean '{similar}'?" if similar else "correct the line or remove it"),
            )
        if not can_be_listed(path):
            raise self._error(
                number,
                f"file '{path}' ends with a space or |, which wav.scp cannot hold; rename it",
            )
        return Line(
            number,
            os.path.relpath(path, self._files.folder),
            self._labels(number, values["label"]) if self.content == "label" else (),
            self._text(number, values["text"]) if self.content == "text" else "",
            values.get("group"),
            self.partition and self._part(number, values[self.partition]),
        )

    def _clips(self, lines: list[Line]) -> list[Clip]:
        files = Counter(stem for stem, _ in {(line.stem, line.file) for line in lines})
        clips = []
        for line in lines:
            # Where files differ in their suffix only, it becomes part of the utterance ID.
            name = line.stem if files[line.stem] == 1 else as_word(line.file.replace("/", "-"))
            try:
                utterance, group = self._grouped(line, name)
                self._unique(line.number, "file", line.file, utterance)
            except InputError as error:
                self._bad.add(str(error))
            else:
                path = Path(self._files.folder) / line.file
                clips.append(Clip(utterance, path, line.labels, line.text, group, line.part))
        return clips

    def _grouped(self, line: Line, name: str) -> tuple[str, str]:
        """Return utterance ID and group; a clip without a group forms its own."""
        if line.group is None:
            return name, name
        # The ID is GROUP-NAME. A dash sorts before all other characters of a word, so utterances
        # sort as their groups do if no group contains one.
        group_name = as_word(line.group or name).replace("-", "_")
        self._unique(line.number, "group", line.group or line.file, group_name)
        return f"{group_name}-{name}" if line.group else group_name, group_name

    def _labels(self, number: int, value: str) -> tuple[str, ...]:
        labels = {
            self._unique(number, "label", label.strip(), as_word(label))
            for label in value.split(";")
            if label.strip()
        }
        if not labels:
            raise self._error(number, f"no label in '{value}'; add one or remove the line")
        return tuple(sorted(labels))

    def _text(self, number: int, value: str) -> str:
        text = " ".join(value.split())
        odd = next((one for one in text if unicodedata.category(one) == "Cc"), None)
        if odd:
            raise self._error(number, f"control character U+{ord(odd):04X} in the text; remove it")
        return text

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
        """Return the name; refuse it if another text has it, or if a file is listed twice.

        A text is refused once, however many lines have it.
        """
        text = unicodedata.normalize("NFC", text)
        texts = self._names.setdefault((kind, name), {})
        known = text in texts
        line = texts.setdefault(text, number)
        if kind == "file" and line != number:
            raise self._error(number, f"'{text}' is also in line {line}; remove one of them")
        other, first = next(iter(texts.items()))
        if other != text and not known:
            raise self._error(
                number,
                f"{kind} '{text}' and '{other}' (line {first}) would both become '{name}'; "
                "rename one, or spell them the same way",
            )
        return name


def as_word(text: str) -> str:
    """Turn text into one word that is valid as an ID or label.

    Letters of any alphabet are kept with their marks, of whichever Unicode normal form.
    """
    composed = unicodedata.normalize("NFC", text).strip()
    kept = (c if c.isalnum() or c in "_.-" or is_mark(c) else " " for c in composed)
    return re.sub(" +", "_", "".join(kept))


def is_mark(character: str) -> bool:
    return unicodedata.category(character).startswith("M")
