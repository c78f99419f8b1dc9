#!/usr/bin/env python3
"""Data directories of LibriSpeech in its official sets.

usage: local/data.py HOURS DIR DATA

HOURS is 100 (train-clean-100) or 960 (all three training sets). DIR is the unpacked corpus
(SET/SPEAKER/CHAPTER/SPEAKER-CHAPTER.trans.txt and *.flac, and SPEAKERS.TXT), or the folder that
contains it as LibriSpeech. The script writes DATA/train_HOURS, its subsets
DATA/train_HOURS_{30,10} (per cent of the utterances of each speaker), DATA/{dev_clean,dev_other,
test_clean,test_other}, DATA/dev (both dev sets, for validation), and the list
DATA/left_out_HOURS.tsv.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from corpus import EXPECTED, Utterance, find_corpus, genders, read_set

from asda.corpus.partition import hashed_share
from asda.corpus.write import write_data_dir
from asda.files import InputError, write_lines
from asda.script import run_main

TRAINING = {"100": ["train-clean-100"]}
TRAINING["960"] = [*TRAINING["100"], "train-clean-360", "train-other-500"]
DEVELOPMENT, TESTS = ["dev-clean", "dev-other"], ["test-clean", "test-other"]
SHARES = (30, 10)


def write(folder: Path, utterances: Iterable[Utterance], gender: dict[str, str]) -> None:
    """Write one data directory."""
    by_name = {utterance.name: utterance for utterance in utterances}
    speakers = {name: utterance.speaker for name, utterance in by_name.items()}
    tables = {
        "wav.scp": {name: str(utterance.path) for name, utterance in by_name.items()},
        "text": {name: utterance.text for name, utterance in by_name.items()},
        "spk2gender": {s: gender[s] for s in sorted({*speakers.values()}) if s in gender},
    }
    if not tables["spk2gender"]:
        del tables["spk2gender"]
    write_data_dir(folder, tables, utt2spk=speakers)


def share_of(utterances: Iterable[Utterance], percent: int) -> list[Utterance]:
    """Return a share of the utterances of each speaker; smaller shares are in larger ones."""
    speakers: dict[str, list[Utterance]] = {}
    for utterance in utterances:
        speakers.setdefault(utterance.speaker, []).append(utterance)
    return hashed_share(speakers.values(), percent, lambda utterance: utterance.name)


def main() -> None:
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    hours, folder, data = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    if hours not in TRAINING:
        raise InputError(f"--hours must be 100 or 960, not '{hours}'")
    corpus = find_corpus(folder)
    sets, left_out = {}, ["set\tutterance\treason"]
    for name in [*TRAINING[hours], *DEVELOPMENT, *TESTS]:
        sets[name], remarks = read_set(corpus / name)
        left_out += [f"{name}\t{utterance}\t{reason}" for utterance, reason in remarks]
        of_all = f"{len(sets[name])} of {EXPECTED[name]} utterances"
        print(f"{name}: {of_all}" + (f", {len(remarks)} left out" if remarks else ""))
    gender = genders(corpus / "SPEAKERS.TXT")
    train = [utterance for name in TRAINING[hours] for utterance in sets[name]]
    write(data / f"train_{hours}", train, gender)
    for percent in SHARES:
        write(data / f"train_{hours}_{percent}", share_of(train, percent), gender)
    write(data / "dev", [u for name in DEVELOPMENT for u in sets[name]], gender)
    for name in [*DEVELOPMENT, *TESTS]:
        write(data / name.replace("-", "_"), sets[name], gender)
    write_lines(data / f"left_out_{hours}.tsv", left_out)


if __name__ == "__main__":
    run_main(main)
