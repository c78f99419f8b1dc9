#!/usr/bin/env python3
"""Data directories for a folder of audio files and a CSV of their labels or transcripts.

usage: local/data.py TASK AUDIO CSV NUM_FOLDS DATA

TASK is classification or recognition. CSV has a header and one line per clip. Its columns, in any
order:

  file   path relative to the folder AUDIO
  label  for classification: class of the clip, or several classes: bird;wind
  text   for recognition: what is said
  group  what clips have in common, such as speaker, recording or place (optional)
  split  train, valid or test (optional)
  fold   fold for cross-validation (optional, excludes split)

Without split and fold, a random fifth of the groups becomes the test set, stratified by class; with
NUM_FOLDS of 2 or more, the groups are divided into so many folds instead. If there is no validation
set, it is a random tenth of the training groups. A random split never divides a group, and keeps at
least one group of each class in training; of further ones the first is for testing, the next for
validation. The script writes DATA/all and DATA/{train,valid,test}, or for cross-validation
DATA/all, the list DATA/folds and DATA/foldN/{train,valid,test}.
"""

from __future__ import annotations

import sys
from pathlib import Path

from clips import Clip, Table
from splits import Split, divide, divided_groups, missing_classes

from asda.corpus.write import write_data_dir
from asda.files import InputError, write_lines
from asda.script import run_main

COLUMNS = {"classification": "label", "recognition": "text"}
SHOWN = 5  # classes that warnings name; further ones are counted


def warn(text: str) -> None:
    print(f"local/data.py: warning: {text}", file=sys.stderr)


def warn_of_divided_groups(table: Table) -> None:
    """Warn if the column split or fold divides a group."""
    if divided := divided_groups(table):
        group, parts = next(iter(divided.items()))
        warn(
            f"{table.path}: column {table.partition} divides {len(divided)} group(s), for example "
            f"'{group}' ({', '.join(parts)}); results may be too optimistic"
        )


def warn_of_missing_classes(folds: dict[str, Split]) -> None:
    lines = missing_classes(folds)
    for line in lines[:SHOWN]:
        warn(line)
    if len(lines) > SHOWN:
        warn(f"and {len(lines) - SHOWN} more classes")


def write(folder: Path, clips: list[Clip], classes: list[str]) -> None:
    """Write one data directory."""
    tables = {"wav.scp": {clip.utterance: str(clip.path) for clip in clips}}
    if classes:
        tables["utt2label"] = {clip.utterance: " ".join(clip.labels) for clip in clips}
    else:
        tables["text"] = {clip.utterance: clip.text for clip in clips}
    write_data_dir(folder, tables, classes, {clip.utterance: clip.group for clip in clips})


def fold_count(text: str) -> int:
    if not text.isdecimal() or int(text) == 1:
        raise InputError(f"--num-folds must be 0 (no folds) or at least 2, not '{text}'")
    return int(text)


def main() -> None:
    if len(sys.argv) != 6 or sys.argv[1] not in COLUMNS:
        sys.exit(__doc__)
    task = sys.argv[1]
    audio, listed, data = Path(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[5])
    num_folds = fold_count(sys.argv[4])
    table = Table(listed, audio, COLUMNS[task])
    folds = divide(table, num_folds)
    if num_folds and table.partition:
        warn(f"--num-folds {num_folds} is ignored: {listed} has a column {table.partition}")
    warn_of_divided_groups(table)
    classes = sorted({label for clip in table.clips for label in clip.labels})
    write(data / "all", table.clips, classes)
    for fold, sets in folds.items():
        for name, clips in sets.items():
            write(data / (f"fold{fold}" if fold else "") / name, clips, classes)
    warn_of_missing_classes(folds)
    write_fold_list(data / "folds", [fold for fold in folds if fold])
    print(f"{len(table.clips)} clips, {contents(table.clips, classes)}")
    for fold, sets in folds.items():
        sizes = ", ".join(f"{name} {len(clips)}" for name, clips in sets.items())
        print(f"{f'fold {fold}: ' if fold else ''}{sizes} clips")


def contents(clips: list[Clip], classes: list[str]) -> str:
    """Return how many classes the clips have, or how many words."""
    if classes:
        several = sum(len(clip.labels) > 1 for clip in clips)
        return f"{len(classes)} classes, {several} clips with several labels"
    words = [word for clip in clips for word in clip.text.split()]
    return f"{len(words)} words, {len(set(words))} different ones"


def write_fold_list(path: Path, folds: list[str]) -> None:
    """Write the list of folds that utils/asda.sh looks for; without folds, remove an old one."""
    if folds:
        write_lines(path, folds)
    else:
        path.unlink(missing_ok=True)


if __name__ == "__main__":
    run_main(main)
