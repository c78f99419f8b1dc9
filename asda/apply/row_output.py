"""Where rows go: to standard output, to one file, or to a file for each input."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tqdm import tqdm

from asda.apply.applying import Output
from asda.apply.inputs import AudioInput, fingerprints_of, two_alike
from asda.apply.record import Record, recorded
from asda.apply.rows import Row, RowFormat
from asda.files import InputError, atomic_write, refuse_overwriting, write_lines


class PrintedRows:
    """Standard output, line by line."""

    def __init__(self, form: RowFormat):
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


class RowFile:
    """One file with the rows of all inputs, written from the record when all are done.

    Args:
        path: of the file
        form: of its lines
        record: keeps the rows until then, and for later calls
    """

    def __init__(self, path: Path, form: RowFormat, record: Record):
        self.path, self.form, self.record = path, form, record

    def is_done(self, one: AudioInput) -> bool:
        return self.record.is_done(one.name)

    def add(self, one: AudioInput, rows: Sequence[Row]) -> None:
        self.record.add(one.name, list(rows))

    def finish(self, inputs: Sequence[AudioInput]) -> str:
        done = self._ordered([one.name for one in inputs if self.is_done(one)])
        if not done:
            return ""
        with atomic_write(self.path) as stream:
            if self.form.header:
                stream.write(f"{self.form.header}\n")
            for name in done:
                stream.writelines(f"{x}\n" for x in self.form.lines(self.record.content(name)))
        return f"wrote {self.path}"

    def _ordered(self, names: list[str]) -> list[str]:
        """Return the names of inputs in the order of the file."""
        order = self.form.order
        if order is None:
            return names
        return sorted(names, key=lambda name: order(self.record.content(name)[0]))


class RowFolder:
    """A file of rows for each input, written as soon as the input is done.

    Args:
        path: of the folder
        form: of the files
        record: of the inputs that are done
        what: the rows in words, for messages: "labels"
    """

    def __init__(self, path: Path, form: RowFormat, record: Record, what: str):
        self.path, self.form, self.record, self.what = path, form, record, what

    def is_done(self, one: AudioInput) -> bool:
        return self._file(one).exists() and self.record.is_done(one.name)

    def add(self, one: AudioInput, rows: Sequence[Row]) -> None:
        header = [self.form.header] if self.form.header else []
        write_lines(self._file(one), [*header, *self.form.lines(rows)])
        self.record.add(one.name, None)

    def finish(self, inputs: Sequence[AudioInput]) -> str:
        count = sum(map(self.is_done, inputs))
        return f"{self.path}: {self.what} of {count} files" if count else ""

    def _file(self, one: AudioInput) -> Path:
        return self.path / f"{one.output_name}{self.form.suffix}"


@contextmanager
def row_output(
    out: str | None,
    form: RowFormat,
    inputs: Sequence[AudioInput],
    models: Sequence[str],
    settings: Mapping[str, Any],
    record_name: str,
    what: str,
) -> Iterator[Output[list[Row]]]:
    """Open the output that `--out` names for a block.

    Args:
        out: a file or a folder; None = standard output
        form: of the lines
        inputs: all of the call
        models: files that the output must not replace
        settings: all that the rows depend on besides the audio
        record_name: name of the record in a folder, without suffix
        what: the rows in words, for messages

    Raises:
        InputError: if the output is of another kind, or would replace an input.
    """
    if not out:
        yield PrintedRows(form)
        return
    path, is_folder = Path(out), _is_folder(out, form, inputs)
    if is_folder:
        _check_names(inputs, path, what)
    elif path.is_dir():
        raise InputError(f"{out}: a folder; give the name of a file in it")
    else:
        refuse_overwriting(path, [*models, *(one.file for one in inputs)])
    record = path / f"{record_name}{form.suffix}" if is_folder else f"{out}.done"
    with recorded(record, settings, fingerprints_of(inputs)) as opened:
        yield RowFolder(path, form, opened, what) if is_folder else RowFile(path, form, opened)


def require_folder(out: str | None, name: str, form: RowFormat, inputs: int) -> None:
    """Refuse to print the files of several inputs one behind the other.

    Raises:
        InputError: if there are several, and no output.
    """
    if not out and form.suffix and inputs > 1:
        raise InputError(f"--format {name} writes a file for each input; add --out FOLDER")


def _is_folder(out: str, form: RowFormat, inputs: Sequence[AudioInput]) -> bool:
    """Return whether an output is a folder of files; one input may have a file."""
    suffix = Path(f"name{form.suffix}").suffix  # a path ".txt" alone would have none
    named_file = Path(out).suffix == suffix and not os.path.isdir(out)
    return bool(form.suffix) and not (named_file and len(inputs) == 1)


def _check_names(inputs: Sequence[AudioInput], folder: Path, what: str) -> None:
    """Refuse inputs whose rows would have one and the same file.

    Raises:
        InputError: naming two of them.
    """
    if alike := two_alike(inputs, lambda one: os.path.normcase(one.output_name)):
        raise InputError(
            f"{folder}: the {what} of {alike[0].name} and {alike[1].name} would have the same"
            " file; give these to separate calls with a folder each"
        )
