"""Kaldi data directories: reading and writing their tables."""

from __future__ import annotations

import math
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

from asda.corpus.wav_scp import AudioSegment
from asda.files import InputError, atomic_write, numbered_lines

UTTERANCE_LISTS = ("utt2spk", "segments", "wav.scp", "feats.scp")


class DataDir:
    """A Kaldi data directory; tables are read when asked for.

    Args:
        path: the folder that holds wav.scp, utt2spk, utt2label and so on.

    Raises:
        InputError: if `path` is not a folder.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        if not self.path.is_dir():
            raise InputError(f"{path}: no such data directory")

    def has(self, name: str) -> bool:
        """Return whether the directory holds the file `name`."""
        return (self.path / name).is_file()

    def table(self, name: str) -> dict[str, str]:
        """Return key -> rest of the line of one file, in the order of the file.

        Raises:
            InputError: on a missing file, a repeated key or a key without a value.
        """
        return read_table(self.path / name)

    def numbers(self, name: str) -> dict[str, float]:
        """Return key -> finite number of a table such as utt2dur or utt2weight."""
        numbers = {}
        for key, value in self.table(name).items():
            try:
                numbers[key] = float(value)
                if not math.isfinite(numbers[key]):
                    raise ValueError
            except ValueError:
                raise InputError(f"{self.where(name, key)}: not a number: '{value}'") from None
        return numbers

    @cached_property
    def utterances(self) -> list[str]:
        """Utterances in C order: of utt2spk, else of segments, wav.scp or feats.scp."""
        for name in UTTERANCE_LISTS:
            if self.has(name):
                return sorted(self.table(name))
        raise InputError(f"{self.path}: no utterances: none of {', '.join(UTTERANCE_LISTS)}")

    @cached_property
    def labels(self) -> list[str]:
        """Labels of labels.txt; the place of a label is its class number."""
        path, labels = self.path / "labels.txt", {}
        for number, line in numbered_lines(path):
            label = line.strip()
            if len(label.split()) != 1:
                raise InputError(f"{path}:{number}: a label is one word without spaces: '{line}'")
            if label in labels:
                raise InputError(
                    f"{path}:{number}: label '{label}' is already in line {labels[label]}"
                )
            labels[label] = number
        return list(labels)

    @property
    def utt2label(self) -> dict[str, list[str]]:
        """Labels of each utterance of utt2label; all of them are in labels.txt. Not kept."""
        known, labels = set(self.labels), {}
        for utterance, value in self.table("utt2label").items():
            labels[utterance] = value.split()
            if not known.issuperset(labels[utterance]):
                unknown = next(label for label in labels[utterance] if label not in known)
                where = self.where("utt2label", utterance)
                raise InputError(
                    f"{where}: label '{unknown}' of '{utterance}' is not in "
                    f"{self.path / 'labels.txt'}; add it there or correct the line"
                )
        return labels

    def segments(self) -> dict[str, tuple[str, float, float | None]]:
        """Return utterance -> (recording, start, end) in seconds; end None = to the end."""
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
        """Return utterance -> its audio, a line of wav.scp or a segment of one.

        Raises:
            InputError: also when a segment's recording is not in wav.scp.
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

    def durations(self) -> dict[str, float]:
        """Return utterance -> seconds: of utt2dur, else of segments, else of audio headers."""
        if self.has("utt2dur"):
            return self.numbers("utt2dur")
        return self.measured_durations()

    def measured_durations(self, jobs: int = 1) -> dict[str, float]:
        """Return utterance -> seconds of segments and audio headers, whatever utt2dur says.

        Args:
            jobs: headers to read at the same time.
        """
        segments = self.audio_sources()
        open_ended = {source for source, _, end in segments.values() if end is None}
        with ThreadPoolExecutor(jobs) as threads:
            lengths = dict(
                zip(open_ended, threads.map(self._recording_length, open_ended), strict=True)
            )
        return {
            utterance: (lengths[source] if end is None else end) - start
            for utterance, (source, start, end) in segments.items()
        }

    def _recording_length(self, source: str) -> float:
        from asda.corpus.audio import AudioError, audio_duration

        try:
            return audio_duration(source)
        except AudioError as error:
            raise InputError(f"{self.path / 'wav.scp'}: '{source}': {error}") from None

    def where(self, name: str, key: str) -> str:
        """Return "file:line" of a key, for messages; the file is read again."""
        path = self.path / name
        for number, line in numbered_lines(path):
            if line.split(maxsplit=1)[:1] == [key]:
                return f"{path}:{number}"
        return str(path)


def read_table(path: str | Path) -> dict[str, str]:
    """Return key -> rest of the line of a Kaldi table, in the order of the file.

    Raises:
        InputError: on a missing file, a repeated key or a key without a value.
    """
    table: dict[str, str] = {}
    for number, line in numbered_lines(path):
        fields = line.split(None, 1)
        if len(fields) < 2:
            found = f"'{fields[0]}' has no value" if fields else "empty line"
            raise InputError(f"{path}:{number}: {found}; a line is 'key value'")
        key, value = fields
        if key in table:
            raise InputError(f"{path}:{number}: '{key}' repeats an earlier line; keys are unique")
        table[key] = value.rstrip()
    return table


def write_table(path: str | Path, table: Mapping[str, str]) -> None:
    """Write a Kaldi table sorted as `LC_ALL=C sort` does, whole or not at all."""
    with atomic_write(path) as stream:
        for key in sorted(table):  # str compares by code point, which is the order of UTF-8 bytes
            stream.write(f"{key} {table[key]}\n")


def _segment_end(text: str) -> float | None:
    end = float(text)
    return None if end == -1 else end
