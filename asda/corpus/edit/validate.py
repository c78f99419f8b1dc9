"""Checks of a whole Kaldi data directory."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from asda.corpus.datadir import DataDir
from asda.corpus.edit.scan import (
    VALUE_CHECKS,
    Report,
    Table,
    positive,
    positive_integer,
    scan,
    word,
)
from asda.corpus.partition import inverted
from asda.corpus.tables import KEYS, SINGLE_VALUES, SPEAKER, UTTERANCE, tables_of
from asda.corpus.wav_scp import split_source
from asda.files import InputError


@dataclass
class Checks:
    """What to require and to check.

    Args:
        feats: feats.scp must be there.
        text: text or utt2label must be there.
        wav: wav.scp must be there, with audio files that exist.
        spk_sort: utt2spk must be in the order of speakers too.
        non_print: accept unprintable characters in text.
        audio: number of utterances, drawn at random, whose audio is read.
        shown: problems listed of each file; the others are counted.
    """

    feats: bool = True
    text: bool = True
    wav: bool = True
    spk_sort: bool = True
    non_print: bool = False
    audio: int = 0
    shown: int = 10


def validate(path: str | Path, checks: Checks) -> Report:
    """Check a data directory and return every problem found in it."""
    return _Validation(DataDir(path), checks).run()


class _Validation:
    """One directory under check, and what was found in it so far."""

    def __init__(self, directory: DataDir, checks: Checks):
        self.directory = directory
        self.checks = checks
        self.report = Report(checks.shown)

    def run(self) -> Report:
        self._require_files()
        if not self.directory.has("utt2spk"):
            return self.report
        self.utt2spk = self._scan("utt2spk")
        speakers = inverted(pair[1:] for pair in self.utt2spk.lines())
        self._check_speaker_order(speakers)
        if self.directory.has("spk2utt"):
            self._check_spk2utt(speakers)
        if self.directory.has("segments"):
            self._check_segments()
        elif self.directory.has("wav.scp") and self.checks.wav:
            self._check_audio_files(self._scan_keyed("wav.scp", self.utt2spk.keys, "utt2spk"))
        for name, key in tables_of(self.directory).items():
            if name not in ("utt2spk", "spk2utt", "segments", "wav.scp"):
                self._check_table(name, key, sorted(speakers))
        self._check_single_values()
        if self.checks.audio and not self.report.count:
            self._read_audio()
        return self.report

    def _problem(self, name: str, line: int | None, text: str) -> None:
        self.report.problem(self.directory.path / name, line, text)

    def _scan(self, name: str) -> Table:
        check = VALUE_CHECKS.get(name)
        if name == "utt2label":
            check = self._label_check()
        lenient = self.checks.non_print and name == "text"
        return scan(self.directory.path / name, self.report, check, lenient)

    def _require_files(self) -> None:
        has = self.directory.has
        for name in ("utt2spk", "spk2utt"):
            if not has(name):
                self._problem(name, None, "no such file")
        if self.checks.wav and not has("wav.scp"):
            self._problem("wav.scp", None, "no such file (by design? then --no-wav)")
        if self.checks.feats and not has("feats.scp"):
            self._problem("feats.scp", None, "no such file (by design? then --no-feats)")
        if self.checks.text and not (has("text") or has("utt2label")):
            self._problem("text", None, "neither text nor utt2label (by design? then --no-text)")

    def _check_speaker_order(self, speakers: dict[str, list[str]]) -> None:
        if not self.checks.spk_sort:
            return
        if all(utterances == [speaker] for speaker, utterances in speakers.items()):
            self.report.warn(
                f"{self.utt2spk.path}: every utterance is its own speaker; fine if none are known"
            )
            return
        previous, foreign = "", 0
        for line, utterance, speaker in self.utt2spk.lines():
            foreign += not utterance.startswith(speaker)
            if speaker < previous:
                self._problem(
                    "utt2spk",
                    line,
                    f"speaker '{speaker}' of '{utterance}' after speaker '{previous}': begin "
                    "utterance ids with the speaker id, or say --no-spk-sort",
                )
            previous = speaker
        if foreign:
            self.report.warn(
                f"{self.utt2spk.path}: {foreign} utterance ids do not begin with the speaker id"
            )

    def _check_spk2utt(self, speakers: dict[str, list[str]]) -> None:
        table = self._scan_keyed("spk2utt", sorted(speakers), "utt2spk")
        for line, speaker, value in table.lines():
            if speaker not in speakers or value.split() == speakers[speaker]:
                continue
            wrong = set(value.split()).symmetric_difference(speakers[speaker])
            what = f"as '{min(wrong)}' shows" if wrong else "in its order"
            self._problem("spk2utt", line, f"'{speaker}' is not the inverse of utt2spk, {what}")

    def _check_segments(self) -> None:
        segments = self._scan_keyed("segments", self.utt2spk.keys, "utt2spk")
        recordings = inverted(
            (utterance, value.split(None, 1)[0])
            for _, utterance, value in segments.lines()
            if value
        )
        self.recordings = sorted(recordings)
        if self.checks.wav and self.directory.has("wav.scp"):
            wav_scp = self._scan_keyed("wav.scp", self.recordings, "segments")
            self._check_audio_files(wav_scp)

    def _check_table(self, name: str, key: str, speakers: list[str]) -> None:
        if key == UTTERANCE:
            self._scan_keyed(name, self.utt2spk.keys, "utt2spk")
        elif key == SPEAKER:
            self._scan_keyed(name, speakers, "utt2spk")
        else:
            self._scan_keyed(name, self.recordings, "segments")

    def _scan_keyed(self, name: str, expected: list[str], source: str) -> Table:
        """Scan a table whose keys must be `expected`, as the file `source` has them."""
        table = self._scan(name)
        if table.keys == expected:
            return table
        known, source_path = set(expected), self.directory.path / source
        for line, key, _ in table.lines():
            if key and key not in known:
                self._problem(name, line, f"'{key}' is not in {source_path}")
        if name in KEYS:  # a table that asda knows only by its name may leave some out
            for key in sorted(known.difference(table.keys, [""])):
                self._problem(name, None, f"no line for '{key}' of {source_path}")
        return table

    def _label_check(self) -> Callable[[str], str] | None:
        try:
            labels = frozenset(self.directory.labels)
        except InputError as error:
            self._problem("utt2label", None, f"needs its label inventory: {error}")
            return None
        return partial(_unknown_labels, labels)

    def _check_audio_files(self, wav_scp: Table) -> None:
        lines_of_folder = inverted(
            (line, os.path.dirname(file) or ".")
            for line, _, source in wav_scp.lines()
            if (file := split_source(source)[0])
        )
        for folder, lines in lines_of_folder.items():
            names = [os.path.basename(split_source(wav_scp.values[line - 1])[0]) for line in lines]
            missing = _missing(folder, set(names))
            for line, name in zip(lines, names, strict=True):
                if name in missing:
                    key = wav_scp.keys[line - 1]
                    self._problem("wav.scp", line, f"'{key}': no such file: {folder}/{name}")

    def _check_single_values(self) -> None:
        checks = {"frame_shift": positive, "feats_dim": positive_integer, "feats_type": word}
        for name in filter(self.directory.has, SINGLE_VALUES):
            text = (self.directory.path / name).read_text(encoding="utf-8", errors="replace")
            if wrong := checks[name](text.strip()):
                self._problem(name, 1, wrong)

    def _read_audio(self) -> None:
        from asda.corpus.audio import AudioError, read_audio

        sources = self.directory.audio_sources()
        count = min(self.checks.audio, len(sources))
        for utterance in random.Random(0).sample(sorted(sources), count):
            source, start, end = sources[utterance]
            try:
                read_audio(source, start=start, end=end)
            except AudioError as error:
                self._problem("wav.scp", None, f"utterance '{utterance}': {error}")


def _unknown_labels(labels: frozenset[str], value: str) -> str:
    unknown = [label for label in value.split() if label not in labels]
    return f"label '{unknown[0]}' is not in labels.txt" if unknown else ""


def _missing(folder: str, names: set[str]) -> set[str]:
    # one listing instead of a question for each file, which takes hours on NFS
    try:
        with os.scandir(folder) as entries:
            return names.difference(entry.name for entry in entries)
    except OSError:
        return {name for name in names if not os.path.exists(os.path.join(folder, name))}
