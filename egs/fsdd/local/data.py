#!/usr/bin/env python3
"""Data directories for both protocols of the Free Spoken Digit Dataset.

usage: local/data.py DIR DATA

DIR contains recordings/{digit}_{speaker}_{index}.wav, or these files directly. The script writes
DATA/all, DATA/official/{train,train_few,valid,test} and, for each fold of unseen speakers,
DATA/unseen/fold{1,2,3}/{train,train_few,valid,test}.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import NamedTuple

from asda.corpus.write import write_data_dir
from asda.files import InputError
from asda.script import run_main

WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
LABELS = [str(digit) for digit in range(10)]
# Numbers of the recordings in each set. TEST is the official one; VALID and FEW are ours.
TEST, VALID, TRAIN, FEW = range(5), range(5, 10), range(10, 50), range(10, 15)
FOLDS = [("george", "jackson"), ("lucas", "nicolas"), ("theo", "yweweler")]
EXPECTED = 3000


class Clip(NamedTuple):
    """One recording; its utterance ID begins with the speaker, as Kaldi's sorting requires."""

    path: Path
    digit: int
    speaker: str
    number: int

    @property
    def utterance(self) -> str:
        return f"{self.speaker}_{self.digit}_{self.number}"


def find_clips(folder: Path) -> list[Clip]:
    """Return the recordings in a corpus folder."""
    recordings = folder / "recordings" if (folder / "recordings").is_dir() else folder
    clips = []
    for path in recordings.resolve().glob("*.wav"):
        name = re.fullmatch(r"([0-9])_([a-z]+)_([0-9]+)", path.stem)
        if name:
            clips.append(Clip(path, int(name[1]), name[2], int(name[3])))
    if not clips:
        raise InputError(
            f"{folder}: no recordings named DIGIT_SPEAKER_INDEX.wav, such as 7_theo_0.wav"
        )
    return clips


def write(folder: Path, clips: list[Clip]) -> None:
    """Write one data directory."""
    tables = {
        "wav.scp": {clip.utterance: str(clip.path) for clip in clips},
        "utt2label": {clip.utterance: str(clip.digit) for clip in clips},
        "text": {clip.utterance: WORDS[clip.digit] for clip in clips},
    }
    write_data_dir(folder, tables, LABELS, {clip.utterance: clip.speaker for clip in clips})


def write_protocols(clips: list[Clip], data: Path) -> None:
    """Write the official split and the folds of unseen speakers."""

    def select(numbers: range, speakers: set[str]) -> list[Clip]:
        return [c for c in clips if c.number in numbers and c.speaker in speakers]

    everyone = {clip.speaker for clip in clips}
    official = {"train": TRAIN, "train_few": FEW, "valid": VALID, "test": TEST}
    for name, numbers in official.items():
        write(data / "official" / name, select(numbers, everyone))
    for number, unseen in enumerate(FOLDS, 1):
        fold, seen = data / "unseen" / f"fold{number}", everyone - set(unseen)
        for name, numbers in {"train": TRAIN, "train_few": FEW, "valid": VALID}.items():
            write(fold / name, select(numbers, seen))
        write(fold / "test", [clip for clip in clips if clip.speaker in unseen])


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    clips = find_clips(Path(sys.argv[1]))
    write(Path(sys.argv[2]) / "all", clips)
    write_protocols(clips, Path(sys.argv[2]))
    print(f"{len(clips)} of {EXPECTED} clips found in {sys.argv[1]}")


if __name__ == "__main__":
    run_main(main)
