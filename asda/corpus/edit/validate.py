"""Check a whole data directory and report every problem."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from asda.audio.wav_scp import split_source
from asda.corpus.datadir import DataDir, keys_by_value
from asda.corpus.edit.scan import (
    VALUE_CHECKS,
    Report,
    Table,
    positive,
    positive_integer,
    scan,
    word,
)
from asda.corpus.kaldi_tables import KEYS, SINGLE_VALUES, SPEAKER, UTTERANCE, tables_of
from asda.files import InputError


@dataclass
class Checks:
    """What to require and what to check.

    Args:
        feats: require feats.scp
        text: require text or utt2label
        wav: require wav.scp, and that its audio files exist
        spk_sort: require utt2spk to be sorted by speaker too
        non_print: accept unprintable characters in text
        audio: number of utterances, drawn at random, whose audio is read
        shown: number of problems listed per file; further ones are only counted
    """

    feats: bool = True
    text: bool = True
    wav: bool = True
    spk_sort: bool = True
    non_print: bool = False
    audio: int = 0
    shown: int = 10


def validate(path: str | Path, checks: Checks) -> Report:
    """Check a data directory; return all problems and warnings."""
    return _Validation(DataDir(path), checks).run()


class _Validation:
    """One directory being checked, and the report so far."""

    def __init__(self, directory: DataDir, checks: Checks):
        self.directory = directory
        self.checks = checks
        self.report = Report(checks.shown)

    def run(self) -> Report:
        self._require_files()
        if not self.directory.has("utt2spk"):
            return self.report
        self.utt2spk = self._scan("utt2spk")
        speakers = keys_by_value(pair[1:] for pair in self.utt2spk.lines())
        self._check_speaker_order()
        if self.directory.has("spk2utt"):
            self._check_spk2utt(speakers)
        if self.directory.has("segments"):
            self._check_segments()
        elif self.directory.has("wav.scp") and self.checks.wav:
            self._check_audio_files(self._scan_keyed("wav.scp", self.utt2spk.keys, "utt2spk"))
        for name, key in tables_of(self.directory, speakers=False).items():
            if name not in ("segments", "wav.scp"):  # checked above, with what they refer to
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
            self._problem("wav.scp", None, "no such file; if intended, pass --no-wav")
        if self.checks.feats and not has("feats.scp"):
            self._problem("feats.scp", None, "no such file; if intended, pass --no-feats")
        if self.checks.text and not (has("text") or has("utt2label")):
            self._problem(
                "text", None, "neither text nor utt2label exists; if intended, pass --no-text"
            )

    def _check_speaker_order(self) -> None:
        if not self.checks.spk_sort or self.utt2spk.keys == self.utt2spk.values:
            return  # not asked for, or speakers are unknown: every utterance is its own
        previous, unprefixed = "", 0
        for line, utterance, speaker in self.utt2spk.lines():
            unprefixed += not utterance.startswith(speaker)
            if speaker < previous:
                self._problem(
                    "utt2spk",
                    line,
                    f"speaker '{speaker}' of '{utterance}' after speaker '{previous}': make the "
                    "speaker ID a prefix of the utterance ID, or pass --no-spk-sort",
                )
            previous = speaker
        if unprefixed:
            self.report.warn(
                f"{self.utt2spk.path}: {unprefixed} utterance IDs do not begin with the speaker ID"
            )

    def _check_spk2utt(self, speakers: dict[str, list[str]]) -> None:
        table = self._scan_keyed("spk2utt", sorted(speakers), "utt2spk")
        for line, speaker, value in table.lines():
            if speaker not in speakers or value.split() == speakers[speaker]:
                continue
            wrong = set(value.split()).symmetric_difference(speakers[speaker])
            what = f"see '{min(wrong)}'" if wrong else "wrong order"
            self._problem("spk2utt", line, f"'{speaker}' does not match utt2spk: {what}")

    def _check_segments(self) -> None:
        segments = self._scan_keyed("segments", self.utt2spk.keys, "utt2spk")
        recordings = keys_by_value(
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
        """Scan a table whose keys must be `expected`, the keys of the file `source`."""
        table = self._scan(name)
        if table.keys == expected:
            return table
        known, source_path = set(expected), self.directory.path / source
        for line, key, _ in table.lines():
            if key and key not in known:
                self._problem(name, line, f"'{key}' is not in {source_path}")
        if name in KEYS:  # tables recognised only by their prefix may be partial
            for key in sorted(known.difference(table.keys, [""])):
                self._problem(name, None, f"'{key}' of {source_path} is missing")
        return table

    def _label_check(self) -> Callable[[str], str] | None:
        try:
            labels = frozenset(self.directory.labels)
        except InputError as error:
            self._problem("utt2label", None, f"labels cannot be checked: {error}")
            return None
        return partial(_unknown_labels, labels)

    def _check_audio_files(self, wav_scp: Table) -> None:
        files = (
            ((line, key, os.path.basename(file)), os.path.dirname(file) or ".")
            for line, key, source in wav_scp.lines()
            if (file := split_source(source)[0])
        )
        for folder, entries in keys_by_value(files).items():
            missing = _missing(folder, {name for _, _, name in entries})
            for line, key, name in entries:
                if name in missing:
                    self._problem("wav.scp", line, f"'{key}': no such file: {folder}/{name}")

    def _check_single_values(self) -> None:
        checks = {"frame_shift": positive, "feats_dim": positive_integer, "feats_type": word}
        for name in filter(self.directory.has, SINGLE_VALUES):
            text = (self.directory.path / name).read_text(encoding="utf-8", errors="replace")
            if wrong := checks[name](text.strip()):
                self._problem(name, 1, wrong)

    def _read_audio(self) -> None:
        # Loading NumPy and what decodes audio takes longer than checking the tables.
        from asda.audio.waveform import AudioError, read_audio

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
    # One listing per folder: asking for each of millions of files takes hours on NFS.
    try:
        with os.scandir(folder) as entries:
            return names.difference(entry.name for entry in entries)
    except OSError:
        return {name for name in names if not os.path.exists(os.path.join(folder, name))}
