#!/usr/bin/env python3
"""Data directories for ESC-50, or its subset ESC-10, for cross-validation over the official folds.

usage: local/data.py SUBSET DIR DATA

SUBSET is esc50 or esc10. DIR is the unpacked corpus (audio/*.wav and meta/esc50.csv), or the folder
that contains it as ESC-50 or ESC-50-master. The script writes DATA/all, the list DATA/folds and,
for each fold, DATA/foldN/{train,test,dev_train,dev_test}: test is the fold and train the other
four; dev_test is one of these four and dev_train the remaining three, to choose settings without
the fold.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

from asda.corpus.csv_table import CsvTable
from asda.corpus.write import write_data_dir
from asda.files import InputError, write_lines
from asda.script import run_main

EXPECTED = {"esc50": (2000, 50), "esc10": (400, 10)}  # clips and classes
COLUMNS = ("filename", "fold", "target", "category", "esc10", "src_file")
REMEDY = "unpack the corpus again"


class Clip(NamedTuple):
    """A line of meta/esc50.csv."""

    path: Path
    fold: int
    target: int
    category: str
    in_esc10: bool
    source: str  # ID of the Freesound recording that the clip was cut from

    @property
    def utterance(self) -> str:
        return self.path.stem

    @property
    def recording(self) -> str:
        """The "speaker" of the clip: a prefix of the utterance ID, as Kaldi's sorting requires."""
        return f"{self.fold}-{self.source}"


def find_corpus(folder: Path) -> Path:
    for name in (".", "ESC-50", "ESC-50-master"):
        if (folder / name / "meta/esc50.csv").is_file():
            return (folder / name).resolve()
    raise InputError(
        f"{folder}: contains neither meta/esc50.csv nor ESC-50/meta/esc50.csv; unpack ESC-50 there"
    )


def read_clips(corpus: Path) -> list[Clip]:
    """Return the clips in the table, all of which must have an audio file."""
    table = corpus / "meta/esc50.csv"
    clips: list[Clip] = []
    listed: dict[str, int] = {}  # utterance -> line
    lines = CsvTable(table, COLUMNS, REMEDY)
    for number, line in lines:
        try:
            clip = clip_of(corpus, line)
        except ValueError:
            lines.bad.add(f"{table}:{number}: fold and target must be numbers; {REMEDY}")
            continue
        first = listed.setdefault(clip.utterance, number)
        if first != number:
            lines.bad.add(
                f"{table}:{number}: {clip.path.name} is also in line {first}; remove one of them"
            )
        clips.append(clip)
    missing = [clip.path for clip in clips if not clip.path.is_file()]
    if missing:
        raise InputError(
            f"{missing[0]}: no such file ({len(missing)} of {len(clips)} in {table} are missing); "
            f"{REMEDY}"
        )
    return clips


def clip_of(corpus: Path, line: dict[str, str]) -> Clip:
    return Clip(
        corpus / "audio" / line["filename"],
        int(line["fold"]),
        int(line["target"]),
        line["category"],
        line["esc10"] == "True",
        line["src_file"],
    )


def write_folds(clips: list[Clip], folder: Path) -> None:
    """Write the data directories of one subset."""
    labels = list(dict(sorted((clip.target, clip.category) for clip in clips)).values())
    folds = sorted({clip.fold for clip in clips})

    def write(name: str, chosen: set[int]) -> None:
        members = [clip for clip in clips if clip.fold in chosen]
        tables = {
            "wav.scp": {clip.utterance: str(clip.path) for clip in members},
            "utt2label": {clip.utterance: clip.category for clip in members},
        }
        write_data_dir(
            folder / name, tables, labels, {clip.utterance: clip.recording for clip in members}
        )

    write("all", set(folds))
    for index, fold in enumerate(folds):
        development = folds[(index + 1) % len(folds)]
        others = set(folds) - {fold}
        write(f"fold{fold}/test", {fold})
        write(f"fold{fold}/train", others)
        write(f"fold{fold}/dev_test", {development})
        write(f"fold{fold}/dev_train", others - {development})
    write_lines(folder / "folds", map(str, folds))


def main() -> None:
    if len(sys.argv) != 4 or sys.argv[1] not in EXPECTED:
        sys.exit(__doc__)
    subset, folder, data = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    clips = read_clips(find_corpus(folder))
    if subset == "esc10":
        clips = [clip for clip in clips if clip.in_esc10]
    write_folds(clips, data)
    expected, classes = EXPECTED[subset]
    found = len({clip.target for clip in clips})
    print(
        f"{subset}: {len(clips)} of {expected} clips and {found} of {classes} classes in {folder}"
    )


if __name__ == "__main__":
    run_main(main)
