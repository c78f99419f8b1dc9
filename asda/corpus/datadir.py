"""Kaldi data directories: read and write their tables."""

from __future__ import annotations

import itertools
import math
import operator
import re
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from asda.audio.wav_scp import AudioSegment
from asda.files import InputError, atomic_write, listed, numbered_lines

T = TypeVar("T")

SHOWN = 3  # utterances named in a message about many

# Files that name every utterance, in the order in which they are trusted.
UTTERANCE_LISTS = ("utt2spk", "segments", "wav.scp", "feats.scp")


class DataDir:
    """A Kaldi data directory; tables are read on demand.

    Args:
        path: the folder with wav.scp, utt2spk, utt2label and so on

    Raises:
        InputError: if `path` is not a folder.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        if not self.path.is_dir():
            raise InputError(f"{path}: no such data directory")

    def has(self, name: str) -> bool:
        """Return whether the directory contains the file `name`."""
        return (self.path / name).is_file()

    def table(self, name: str) -> dict[str, str]:
        """Return key -> rest of the line for one table, in file order.

        Raises:
            InputError: on a missing file, a repeated key, or a key without a value where the table
                needs one.
        """
        return read_table(self.path / name, values=not may_be_empty(name))

    def numbers(self, name: str) -> dict[str, float]:
        """Return key -> value for a table of finite numbers, such as utt2dur or utt2weight."""
        return {key: self.number(name, key, text) for key, text in self.table(name).items()}

    def number(self, name: str, key: str, text: str) -> float:
        """Return a finite number that a table holds as text.

        Raises:
            InputError: naming the line of the table, if it is none.
        """
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise InputError(f"{self.where(name, key)}: not a number: '{text}'")
        return number

    @cached_property
    def utterances(self) -> list[str]:
        """Utterance IDs from the first of UTTERANCE_LISTS, sorted as `LC_ALL=C sort` does."""
        return self._sorted_keys(self.utterance_list)

    @property
    def utterance_list(self) -> str:
        """Name of the first of UTTERANCE_LISTS that there is."""
        name = next(filter(self.has, UTTERANCE_LISTS), None)
        if name is None:
            raise InputError(f"{self.path}: contains none of {', '.join(UTTERANCE_LISTS)}")
        return name

    def _sorted_keys(self, name: str) -> list[str]:
        with naming_first_fault(self.path / name) as lines:
            keys = sorted(key for _, key, _ in lines)
            if any(map(operator.eq, keys, itertools.islice(keys, 1, None))):
                raise InputError(f"{self.path / name}: duplicate keys")
        return keys

    @cached_property
    def labels(self) -> list[str]:
        """Labels in labels.txt; a label's position in the list is its class index."""
        path = self.path / "labels.txt"
        labels: dict[str, int] = {}
        for number, line in numbered_lines(path):
            label = line.strip()
            if len(label.split()) != 1:
                raise InputError(f"{path}:{number}: a label is one word, found '{line}'")
            if label in labels:
                raise InputError(
                    f"{path}:{number}: duplicate label '{label}', first in line {labels[label]}"
                )
            labels[label] = number
        return list(labels)

    @property
    def utt2label(self) -> dict[str, list[str]]:
        """Utterance -> its labels, all of them listed in labels.txt; a clip may have none.

        Not cached, unlike `labels`: for millions of utterances the lists take much memory.
        """
        known = set(self.labels)
        labels: dict[str, list[str]] = {}
        for utterance, value in self.table("utt2label").items():
            labels[utterance] = value.split()
            if not known.issuperset(labels[utterance]):
                unknown = next(label for label in labels[utterance] if label not in known)
                where = self.where("utt2label", utterance)
                raise InputError(
                    f"{where}: label '{unknown}' of '{utterance}' is not in "
                    f"{self.path / 'labels.txt'}; add it there or correct this line"
                )
        return labels

    def segments(self) -> dict[str, tuple[str, float, float | None]]:
        """Return utterance -> (recording, start, end); times in seconds, end None = to the end."""
        segments = {}
        for utterance, value in self.table("segments").items():
            try:
                recording, start, end = value.split()
                segments[utterance] = (recording, float(start), _segment_end(end))
            except ValueError:
                raise InputError(
                    f"{self.where('segments', utterance)}: expected "
                    f"'utterance recording start end', found '{utterance} {value}'"
                ) from None
        return segments

    def audio_sources(self) -> dict[str, AudioSegment]:
        """Return utterance -> its audio; times are those of `segments`.

        Raises:
            InputError: if the recording of a segment is not in wav.scp.
        """
        sources = self.table("wav.scp")
        if not self.has("segments"):
            return {key: AudioSegment(source) for key, source in sources.items()}
        found = {}
        for utterance, (recording, start, end) in self.segments().items():
            if recording not in sources:
                raise InputError(
                    f"{self.where('segments', utterance)}: recording '{recording}' is not in "
                    f"{self.path / 'wav.scp'}"
                )
            found[utterance] = AudioSegment(sources[recording], start, end)
        return found

    def utterance_audio(self) -> dict[str, AudioSegment]:
        """Return utterance -> its audio, in the order of `utterances`; those without are left out.

        Raises:
            InputError: as `audio_sources`.
        """
        sources = self.audio_sources()
        return {name: sources[name] for name in self.utterances if name in sources}

    def durations(self) -> dict[str, float]:
        """Return utterance -> seconds, from utt2dur if it exists, else as `measured_durations`.

        Raises:
            InputError: if an utterance cannot be measured, with the first few and their number.
        """
        if self.has("utt2dur"):
            return self.numbers("utt2dur")
        durations, bad = self.measured_durations()
        if bad:
            reasons = [f"'{utterance}': {bad[utterance]}" for utterance in sorted(bad)]
            raise InputError(
                f"{self.path / 'wav.scp'}: {len(bad)} of {len(bad) + len(durations)} utterances "
                f"have no duration: {listed(reasons, SHOWN, '; ')}; correct or remove their lines"
            )
        return durations

    def measured_durations(
        self, jobs: int = 1, segments: Mapping[str, AudioSegment] | None = None
    ) -> tuple[dict[str, float], dict[str, str]]:
        """Return utterance -> seconds, and utterance -> reason of those whose audio is unusable.

        Durations come from segments and audio, regardless of utt2dur. The recordings of segments
        that state their end are not opened.

        Args:
            jobs: number of files read in parallel
            segments: what to measure instead of the utterances
        """
        segments = self.audio_sources() if segments is None else segments
        open_ended = sorted({source for source, _, end in segments.values() if end is None})
        with ThreadPoolExecutor(jobs) as threads:
            lengths = dict(zip(open_ended, threads.map(_length_or_reason, open_ended), strict=True))
        durations: dict[str, float] = {}
        bad: dict[str, str] = {}
        for utterance, segment in segments.items():
            found = _segment_length(segment, lengths)
            if isinstance(found, str):
                bad[utterance] = found
            else:
                durations[utterance] = found
        return durations, bad

    def where(self, name: str, key: str) -> str:
        """Return "file:line" of a key for an error message; reads the file again to find it."""
        path = self.path / name
        for number, line in numbered_lines(path):
            if line.split(maxsplit=1)[:1] == [key]:
                return f"{path}:{number}"
        return str(path)


def may_be_empty(name: str) -> bool:
    """Return whether a table may have keys without values.

    A clip may have none of the labels, and in one without speech nothing is said. The other forms
    of a transcript have names that begin like its own: text.en, text_spk1.
    """
    return name == "utt2label" or re.fullmatch(r"text([._].*)?", name) is not None


def read_table(path: str | Path, values: bool = True) -> dict[str, str]:
    """Return key -> rest of the line for a Kaldi table, in file order.

    Args:
        path: the table
        values: whether each key must have a value; otherwise it may be empty

    Raises:
        InputError: on a missing file, a repeated key or a key without a value.
    """
    table: dict[str, str] = {}
    for number, key, value in table_lines(path, values):
        if key in table:
            raise InputError(f"{path}:{number}: duplicate key '{key}'; remove one line")
        table[key] = value
    return table


def table_lines(path: str | Path, values: bool = True) -> Iterator[tuple[int, str, str]]:
    """Yield line number, key and the rest of each line of a Kaldi table.

    Args:
        path: the table
        values: whether each key must have a value; otherwise it may be empty

    Raises:
        InputError: on a missing file or a key without a value.
    """
    for number, line in numbered_lines(path):
        yield number, *key_and_value(path, number, line, values)


def key_and_value(path: str | Path, number: int, line: str, values: bool) -> tuple[str, str]:
    """Return the key and the rest of a line of a Kaldi table; arguments as of `table_lines`.

    Raises:
        InputError: if there is no key, or none of the values that there must be.
    """
    fields = line.split(None, 1)
    if len(fields) < 1 + values:
        found = f"'{fields[0]}' has no value" if fields else "empty line"
        raise InputError(f"{path}:{number}: {found}; expected 'key value'")
    return fields[0], fields[1].rstrip() if len(fields) > 1 else ""


@contextmanager
def naming_first_fault(path: str | Path) -> Iterator[Iterator[tuple[int, str, str]]]:
    """Let a block read the lines of a table, and name the wrong line that `read_table` names.

    A reader in little memory finds a repeated key only after all lines, one of which may be wrong
    as well.

    Raises:
        InputError: if the block does, naming the first wrong line.
    """
    values = not may_be_empty(Path(path).name)
    try:
        yield table_lines(path, values)
    except InputError:
        read_table(path, values)
        raise


def write_table(path: str | Path, table: Mapping[str, str]) -> None:
    """Write a Kaldi table atomically, sorted as `LC_ALL=C sort` does."""
    with atomic_write(path) as stream:
        for key in sorted(table):  # code points sort in the same order as UTF-8 bytes
            stream.write(f"{key} {table[key]}".rstrip() + "\n")


def keys_by_value(pairs: Iterable[tuple[T, str]]) -> dict[str, list[T]]:
    """Invert a table: return value -> its keys, both in order of appearance."""
    keys: dict[str, list[T]] = {}
    for key, value in pairs:
        keys.setdefault(value, []).append(key)
    return keys


def _length_or_reason(source: str) -> float | str:
    # Loading NumPy and what decodes audio takes longer than most uses of a data directory.
    from asda.audio.waveform import AudioError, audio_duration

    try:
        return audio_duration(source)
    except AudioError as error:
        return str(error)


def _segment_length(segment: AudioSegment, lengths: Mapping[str, float | str]) -> float | str:
    """Return the seconds of a segment, or the reason why it has none."""
    from asda.audio.waveform import AudioError, check_times  # late, as above

    source, start, end = segment
    try:
        check_times(start, end)
    except AudioError as error:
        return str(error)
    if end is not None:
        return end - start
    length = lengths[source]
    if isinstance(length, float) and length <= start:
        return f"empty: no audio from {start:g} s" if start else "empty: no audio"
    return length if isinstance(length, str) else length - start


def _segment_end(text: str) -> float | None:
    end = float(text)
    # Kaldi's convention: -1 means up to the end of the recording.
    return None if end == -1 else end
