#!/usr/bin/env python3
"""Data directories of the Free Spoken Digit Dataset, of both protocols.

usage: local/data.py DIR DATA

DIR holds recordings/{digit}_{speaker}_{index}.wav, or these files themselves. Written are
DATA/all, DATA/official/{train,train_few,valid,test} and, for each fold of unseen speakers,
DATA/unseen/fold{1,2,3}/{train,train_few,valid,test}.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import NamedTuple

from asda.corpus.datadir import write_table
from asda.files import InputError, atomic_write

WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
# The split that the authors of the corpus give, and a part of its development side for tuning.
TEST, VALID, TRAIN, FEW = range(5), range(5, 10), range(10, 50), range(10, 15)
FOLDS = [("george", "jackson"), ("lucas", "nicolas"), ("theo", "yweweler")]
EXPECTED = 3000


class Clip(NamedTuple):
    """One recording; its utterance id starts with the speaker, as Kaldi's sorting needs."""

    path: Path
    digit: int
    speaker: str
    index: int

    @property
    def utterance(self) -> str:
        return f"{self.speaker}_{self.digit}_{self.index}"


def find_clips(folder: Path) -> list[Clip]:
    """Return the recordings of a corpus folder."""
    recordings = folder / "recordings" if (folder / "recordings").is_dir() else folder
    clips = []
    for path in recordings.resolve().glob("*.wav"):
        name = re.fullmatch(r"([0-9])_([a-z]+)_([0-9]+)", path.stem)
        if name:
            clips.append(Clip(path, int(name[1]), name[2], int(name[3])))
    if not clips:
        raise InputError(f"{folder}: no recordings named DIGIT_SPEAKER_INDEX.wav, as 7_theo_0.wav")
    return clips


def write_data_dir(folder: Path, clips: list[Clip]) -> None:
    """Write the tables of one data directory; every file is made anew."""
    if not clips:
        raise InputError(f"{folder}: no recordings for it; the corpus is not complete")
    speakers: dict[str, list[str]] = {}
    for clip in clips:
        speakers.setdefault(clip.speaker, []).append(clip.utterance)
    write_table(folder / "wav.scp", {c.utterance: str(c.path) for c in clips})
    write_table(folder / "utt2spk", {c.utterance: c.speaker for c in clips})
    write_table(folder / "spk2utt", {s: " ".join(sorted(u)) for s, u in speakers.items()})
    write_table(folder / "utt2label", {c.utterance: str(c.digit) for c in clips})
    write_table(folder / "text", {c.utterance: WORDS[c.digit] for c in clips})
    with atomic_write(folder / "labels.txt") as stream:
        stream.writelines(f"{digit}\n" for digit in range(10))


def write_protocols(clips: list[Clip], data: Path) -> None:
    """Write the official split and the folds of unseen speakers."""

    def select(indices: range, speakers: set[str]) -> list[Clip]:
        return [c for c in clips if c.index in indices and c.speaker in speakers]

    everyone = {clip.speaker for clip in clips}
    official = {"train": TRAIN, "train_few": FEW, "valid": VALID, "test": TEST}
    for name, indices in official.items():
        write_data_dir(data / "official" / name, select(indices, everyone))
    for number, unseen in enumerate(FOLDS, 1):
        fold, seen = data / "unseen" / f"fold{number}", everyone - set(unseen)
        for name, indices in {"train": TRAIN, "train_few": FEW, "valid": VALID}.items():
            write_data_dir(fold / name, select(indices, seen))
        write_data_dir(fold / "test", [clip for clip in clips if clip.speaker in unseen])


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    try:
        clips = find_clips(Path(sys.argv[1]))
        write_data_dir(Path(sys.argv[2]) / "all", clips)
        write_protocols(clips, Path(sys.argv[2]))
    except InputError as error:
        sys.exit(f"local/data.py: {error}")
    print(f"{len(clips)} of {EXPECTED} clips found in {sys.argv[1]}")


if __name__ == "__main__":
    main()
