#!/usr/bin/env python3
"""Data directories of digit strings, made of the recordings of the Free Spoken Digit Dataset.

usage: local/data.py DIR DATA

DIR contains recordings/{digit}_{speaker}_{index}.wav, or these files directly. The script writes
the strings as audio to DATA/strings, DATA/all, the list DATA/folds and, for each speaker, a fold
DATA/foldN/{train,train_30,train_10,valid,test}: that speaker is for testing, the next one for
validation, and the others are for training; train_30 and train_10 are 30 and 10 % of the strings of
each.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from fsdd import EXPECTED, find_clips
from strings import String, by_speaker, plan, write_audio

from asda.corpus.partition import hashed_share
from asda.corpus.write import write_data_dir
from asda.files import InputError, write_lines
from asda.script import run_main

SHARES = (30, 10)


def write(
    folder: Path, audio: Path, strings: Iterable[String], lengths: Mapping[str, float]
) -> None:
    """Write one data directory of strings, whose audio is in the folder `audio`."""
    by_utterance = {string.utterance: string for string in strings}
    tables = {
        "wav.scp": {utterance: str(audio / f"{utterance}.wav") for utterance in by_utterance},
        "text": {utterance: string.text for utterance, string in by_utterance.items()},
        "utt2dur": {utterance: str(round(lengths[utterance], 6)) for utterance in by_utterance},
    }
    speakers = {utterance: string.speaker for utterance, string in by_utterance.items()}
    write_data_dir(folder, tables, utt2spk=speakers)


def folds_of(strings: Mapping[str, list[String]]) -> dict[str, dict[str, list[String]]]:
    """Return fold -> set -> strings, one fold for each speaker."""
    speakers = list(strings)
    folds = {}
    for index, test in enumerate(speakers):
        valid = speakers[(index + 1) % len(speakers)]
        others = [strings[speaker] for speaker in speakers if speaker not in (test, valid)]
        sets = {"train": [string for own in others for string in own]}
        for percent in SHARES:
            sets[f"train_{percent}"] = hashed_share(others, percent, lambda s: s.utterance)
        folds[f"fold{index + 1}"] = {**sets, "valid": strings[valid], "test": strings[test]}
    return folds


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    folder, data = Path(sys.argv[1]), Path(sys.argv[2])
    speakers = by_speaker(find_clips(folder))
    if len(speakers) < 3:
        raise InputError(
            f"{folder}: recordings of {len(speakers)} speaker(s); folds need 3 or more"
        )
    clips = sum(map(len, speakers.values()))
    print(f"{clips} of {EXPECTED} clips found in {folder}")
    strings = {speaker: plan(speaker, own) for speaker, own in speakers.items()}
    everything = [string for own in strings.values() for string in own]
    audio = (data / "strings").resolve()
    lengths = write_audio(everything, audio)
    write(data / "all", audio, everything, lengths)
    folds = folds_of(strings)
    for fold, sets in folds.items():
        for name, members in sets.items():
            write(data / fold / name, audio, members, lengths)
    write_lines(data / "folds", (fold.removeprefix("fold") for fold in folds))
    hours = sum(lengths.values()) / 3600
    print(f"{len(everything)} strings, {hours:.2f} hours, {len(folds)} folds")


if __name__ == "__main__":
    run_main(main)
