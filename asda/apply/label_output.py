"""Where labels go: to standard output, to one file, or to a file for each input."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from asda.apply.inputs import AudioInput
from asda.apply.label_formats import LabelFormat, Row
from asda.apply.record import Record
from asda.files import InputError, atomic_write, write_lines

RECORD = ".asda_tag"  # of a folder of label files


class PrintedLabels:
    """Standard output, line by line."""

    def __init__(self, form: LabelFormat):
        self.form = form
        self._header = form.header

    def is_done(self, one: AudioInput) -> bool:
        return False

    def add(self, one: AudioInput, rows: Sequence[Row]) -> None:
        if self._header:
            tqdm.write(self._header)
            self._header = ""
        for line in self.form.lines(rows):
            tqdm.write(line)  # which goes around the bar
        sys.stdout.flush()  # a reader sees each result at once, and a closed pipe is noticed

    def finish(self, inputs: Sequence[AudioInput]) -> str:
        return ""


class LabelFile:
    """One file with the labels of all inputs, written from the record when all are done.

    Args:
        path: of the file
        form: of its lines
        record: keeps the rows until then, and for later calls
    """

    def __init__(self, path: Path, form: LabelFormat, record: Record):
        self.path, self.form, self.record = path, form, record

    def is_done(self, one: AudioInput) -> bool:
        return self.record.is_done(one.name)

    def add(self, one: AudioInput, rows: Sequence[Row]) -> None:
        self.record.add(one.name, list(rows))

    def finish(self, inputs: Sequence[AudioInput]) -> str:
        done = [one for one in inputs if self.is_done(one)]
        if not done:
            return ""
        with atomic_write(self.path) as stream:
            if self.form.header:
                stream.write(f"{self.form.header}\n")
            for one in done:
                stream.writelines(f"{x}\n" for x in self.form.lines(self.record.content(one.name)))
        return f"wrote {self.path}"


class LabelFolder:
    """A file of labels for each input, written as soon as the input is done.

    Args:
        path: of the folder
        form: of the files
        record: of the inputs that are done
    """

    def __init__(self, path: Path, form: LabelFormat, record: Record):
        self.path, self.form, self.record = path, form, record

    def is_done(self, one: AudioInput) -> bool:
        return self._file(one).exists() and self.record.is_done(one.name)

    def add(self, one: AudioInput, rows: Sequence[Row]) -> None:
        header = [self.form.header] if self.form.header else []
        write_lines(self._file(one), [*header, *self.form.lines(rows)])
        self.record.add(one.name, None)

    def finish(self, inputs: Sequence[AudioInput]) -> str:
        count = sum(map(self.is_done, inputs))
        return f"{self.path}: labels of {count} files" if count else ""

    def _file(self, one: AudioInput) -> Path:
        return self.path / f"{one.label_name}{self.form.suffix}"


def check_label_names(inputs: Sequence[AudioInput], folder: Path) -> None:
    """Refuse inputs whose labels would have one and the same file.

    Raises:
        InputError: naming two of them.
    """
    names: dict[str, AudioInput] = {}
    for one in inputs:
        other = names.setdefault(os.path.normcase(one.label_name), one)
        if other is not one:
            raise InputError(
                f"{folder}: the labels of {other.name} and {one.name} would have the same file;"
                " give these to separate calls with a folder each"
            )
