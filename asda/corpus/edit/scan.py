"""Check one table line by line; collect all problems instead of stopping at the first."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from asda.corpus.datadir import may_be_empty

FILES = {"wav.scp", "feats.scp"}  # values may hold any character that the name of a file may


class Report:
    """Problems and warnings found in a data directory.

    Args:
        shown: number of problems listed per file; further ones are only counted
    """

    def __init__(self, shown: int = 10):
        self.shown = shown
        self.count = 0
        self.warnings: list[str] = []
        self._of_file: dict[Path, list[str]] = {}
        self._hidden: dict[Path, int] = {}

    def problem(self, path: Path, line: int | None, text: str) -> None:
        """Add a problem in a line of a file, or in the file as a whole."""
        self.count += 1
        of_file = self._of_file.setdefault(path, [])
        if len(of_file) < self.shown:
            of_file.append(f"{path}:{line}: {text}" if line else f"{path}: {text}")
        else:
            self._hidden[path] = self._hidden.get(path, 0) + 1

    def warn(self, text: str) -> None:
        self.warnings.append(f"warning: {text}")

    def lines(self) -> Iterator[str]:
        """Yield all warnings, then the problems grouped by file."""
        yield from self.warnings
        for path, problems in self._of_file.items():
            yield from problems
            if path in self._hidden:
                yield f"{path}: and {self._hidden[path]} more"


class Table(NamedTuple):
    """Keys and values of all lines, including bad ones: index i is line i + 1 of the file."""

    path: Path
    keys: list[str]
    values: list[str]

    def lines(self) -> Iterator[tuple[int, str, str]]:
        return zip(range(1, len(self.keys) + 1), self.keys, self.values, strict=True)


def scan(
    path: Path,
    report: Report,
    check: Callable[[str], str] | None = None,
    non_print: bool = False,
) -> Table:
    """Read a table and report problems with its encoding, order, keys and values.

    Args:
        path: the file
        report: receives the problems
        check: returns what is wrong with a value, or an empty string
        non_print: accept unprintable characters other than white space
    """
    keys: list[str] = []
    values: list[str] = []
    previous, line = "", ""
    with open(path, encoding="utf-8", errors="surrogateescape", newline="\n") as stream:
        for number, line in enumerate(stream, 1):
            text = line.rstrip("\n")
            key, value = _divided(text)
            if not text.isprintable():
                named = text[len(key) :] if path.name in FILES else ""
                seen = key + _visible(text[len(key) :]) if path.name == "text" else text
                report_odd_character(path, number, seen, report, non_print, named)
            keys.append(key)
            values.append(value)
            if not key:
                report.problem(path, number, "empty line or leading space")
                continue
            if key <= previous:
                report.problem(path, number, _disorder(key, previous))
            previous = key
            empty = not value and not may_be_empty(path.name)
            wrong = "no value" if empty else check(value) if check else ""
            if wrong:
                report.problem(path, number, f"'{key}': {wrong}")
    if not keys:
        report.problem(path, None, "empty file")
    elif not line.endswith("\n"):
        report.problem(path, len(keys), "no newline at the end of the file")
    return Table(path, keys, values)


def _divided(text: str) -> tuple[str, str]:
    """Divide a line at its first space or tab into key and value."""
    key = text.split(" ", 1)[0].split("\t", 1)[0]
    return key, text[len(key) :].strip()


def _visible(transcript: str) -> str:
    """Return a transcript with letters for its invisible joiners, soft hyphens and the like."""
    return "".join("x" if unicodedata.category(one) == "Cf" else one for one in transcript)


def _disorder(key: str, previous: str) -> str:
    if key == previous:
        return f"duplicate key '{key}'"
    return f"'{key}' after '{previous}': not sorted as LC_ALL=C sort does"


def report_odd_character(
    path: Path, line: int, text: str, report: Report, lenient: bool, named: str = ""
) -> None:
    """Report the first odd character of a line; its end `named` is the name of a file."""
    for column, character in enumerate(text, 1):
        if character.isprintable() or character == "\t":
            continue
        if "\udc80" <= character <= "\udcff":  # how surrogateescape marks undecodable bytes
            report.problem(path, line, f"column {column}: not UTF-8")
        elif character == "\r" and column == len(text):
            report.problem(path, line, "Windows line ending (CR LF)")
        elif column <= len(text) - len(named) and (character.isspace() or not lenient):
            name = f"U+{ord(character):04X}"
            report.problem(path, line, f"column {column}: unexpected character {name}")
        else:
            continue
        return


# A check of a value returns what is wrong with it; empty if it is right.


def word(value: str) -> str:
    """Check that a value is one word."""
    return f"expected one word, found '{value}'" if len(value.split()) != 1 else ""


def number(value: str) -> float:
    """Return a value as a number, NaN if it is none."""
    try:
        return float(value)
    except ValueError:
        return math.nan


def positive(value: str) -> str:
    """Check a number above 0, such as a duration."""
    return "" if 0 < number(value) < math.inf else f"expected a positive number, found '{value}'"


def positive_integer(value: str) -> str:
    """Check an integer above 0, such as a number of frames."""
    if value.isdecimal() and int(value) > 0:
        return ""
    return f"expected a positive integer, found '{value}'"


def warp_factor(value: str) -> str:
    """Check the factor by which the frequencies of a speaker are warped."""
    return (
        "" if 0.5 < number(value) < 1.5 else f"expected a factor from 0.5 to 1.5, found '{value}'"
    )


def file_and_channel(value: str) -> str:
    """Check the file and the channel of a recording."""
    fields = value.split()
    # 1, as in ctm, is what Kaldi only warns of.
    if len(fields) == 2 and fields[1] in ("A", "B", "1"):
        return ""
    return f"expected 'file A' or 'file B', the channel of a recording, found '{value}'"


def gender(value: str) -> str:
    """Check the gender of a speaker."""
    return "" if value in ("m", "f") else f"expected m or f, found '{value}'"


def transcript(value: str) -> str:
    """Check that a text has no symbol that Kaldi reserves."""
    reserved = {"<s>", "</s>", "#0"}.intersection(value.split())
    return f"{sorted(reserved)[0]} is a reserved symbol" if reserved else ""


def segment(value: str) -> str:
    """Check recording, start and end of an utterance."""
    fields = value.split()
    if len(fields) != 3:
        return f"expected 'recording start end', found '{value}'"
    start, end = number(fields[1]), number(fields[2])
    if not 0 <= start < math.inf:
        return f"start '{fields[1]}' is not a time in seconds"
    if not (end == -1 or start < end < math.inf):
        return f"end '{fields[2]}' is not after the start {fields[1]} (-1 = end of recording)"
    return ""


# What fix_data_dir.sh drops lines by: they say that there is no audio.
LENGTHS = ("segments", "utt2dur", "utt2num_frames", "utt2num_samples", "reco2dur")
VALUE_CHECKS: dict[str, Callable[[str], str]] = {
    "utt2spk": word,
    "utt2lang": word,
    "segments": segment,
    "text": transcript,
    "utt2weight": positive,
    "utt2dur": positive,
    "reco2dur": positive,
    "utt2num_frames": positive_integer,
    "utt2num_samples": positive_integer,
    "spk2gender": gender,
    "spk2warp": warp_factor,
    "utt2warp": warp_factor,
    "reco2file_and_channel": file_and_channel,
}
