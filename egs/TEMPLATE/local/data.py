#!/usr/bin/env python3
"""Data directories of a folder of audio files and a CSV of their labels.

usage: local/data.py AUDIO LABELS NUM_FOLDS DATA

LABELS is a CSV with a header and a line per clip, in any order of the columns:

  file   path below the folder AUDIO
  label  its class; of several classes: bird;wind
  group  what clips have in common (speaker, recording, place), which is never divided at random
         (if known)
  split  train, valid or test (if given beforehand)
  fold   part in cross-validation, in place of split (if given beforehand)

Without split and fold, a random fifth of the groups is the test set, about the same of each class;
NUM_FOLDS of 2 or more makes as many folds instead. Where no valid set is given, it is a tenth of
the training groups. Written are DATA/all and DATA/{train,valid,test}, or for cross-validation
DATA/all, DATA/folds (a list) and DATA/foldN/{train,valid,test}.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterable
from pathlib import Path

from clips import SETS, Clip, Table

from asda.corpus.write import write_data_dir
from asda.files import InputError, atomic_write

SEED = 1


def deal(clips: list[Clip], parts: int, purpose: str) -> list[list[Clip]]:
    """Deal whole groups, those of each class evenly, to so many parts at random.

    Raises:
        InputError: if there are fewer groups than parts.
    """
    groups: dict[str, list[Clip]] = {}
    for clip in sorted(clips):
        groups.setdefault(clip.group, []).append(clip)
    if len(groups) < parts:
        raise InputError(
            f"{len(groups)} clips or groups of clips cannot make {parts} parts, as {purpose} "
            "needs; list more"
        )
    shuffled = random.Random(SEED).sample(list(groups.values()), len(groups))
    shuffled.sort(key=lambda group: group[0].labels)
    return [joined(shuffled[part::parts]) for part in range(parts)]


def joined(parts: Iterable[list[Clip]]) -> list[Clip]:
    return [clip for part in parts for clip in part]


def with_valid(train: list[Clip], test: list[Clip]) -> dict[str, list[Clip]]:
    """Return the three sets; valid is about a tenth of the training groups."""
    parts = min(10, len({clip.group for clip in train}))
    valid, *others = deal(train, max(parts, 2), "a valid set beside the training set")
    return {"train": joined(others), "valid": valid, "test": test}


def with_folds(folds: dict[str, list[Clip]]) -> dict[str, dict[str, list[Clip]]]:
    """Return fold -> set -> clips; each fold is the test set once."""
    return {
        name: with_valid(joined(folds[other] for other in folds if other != name), test)
        for name, test in folds.items()
    }


def divide(table: Table, num_folds: int) -> dict[str, dict[str, list[Clip]]]:
    """Return fold -> set -> clips; without cross-validation, the one fold's name is empty."""
    try:
        if table.partition:
            return as_given(table)
        if num_folds:
            parts = deal(table.clips, num_folds, "--num-folds")
            return with_folds({str(number): part for number, part in enumerate(parts, 1)})
        test, *others = deal(table.clips, 5, "a random split")
        return {"": with_valid(joined(others), test)}
    except InputError as error:
        raise InputError(f"{table.path}: {error}") from None


def as_given(table: Table) -> dict[str, dict[str, list[Clip]]]:
    """Return fold -> set -> clips as the column split or fold says."""
    given: dict[str, list[Clip]] = {}
    for clip in table.clips:
        given.setdefault(clip.part or "", []).append(clip)
    if table.partition == "fold":
        if len(given) < 2:
            raise InputError(f"{len(given)} fold(s) in the column fold; give 2 or more")
        return with_folds(dict(sorted(given.items())))
    for name in ("train", "test"):
        if name not in given:
            raise InputError(f"no clip has the split {name}; give it to some")
    if "valid" in given:
        return {"": {name: given[name] for name in SETS}}
    return {"": with_valid(given["train"], given["test"])}


def warn_of_divided_groups(table: Table) -> None:
    """Name the first group that the column split or fold divides."""
    parts: dict[str, set[str]] = {}
    for clip in table.clips:
        parts.setdefault(clip.group, set()).add(clip.part or "")
    divided = [group for group in parts if len(parts[group]) > 1]
    if divided:
        print(
            f"local/data.py: warning: {table.path}: column {table.partition} divides "
            f"{len(divided)} group(s), first '{divided[0]}' "
            f"({', '.join(sorted(parts[divided[0]]))}); results may be too good",
            file=sys.stderr,
        )


def write(folder: Path, clips: list[Clip], classes: list[str]) -> None:
    """Write one data directory."""
    tables = {
        "wav.scp": {clip.utterance: str(clip.path) for clip in clips},
        "utt2label": {clip.utterance: " ".join(clip.labels) for clip in clips},
    }
    write_data_dir(folder, tables, classes, {clip.utterance: clip.group for clip in clips})


def fold_count(text: str) -> int:
    if not text.isdecimal() or int(text) == 1:
        raise InputError(f"--num-folds is 2 or more, or 0 for none, not '{text}'")
    return int(text)


def main() -> None:
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    audio, labels, data = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[4])
    try:
        num_folds = fold_count(sys.argv[3])
        table = Table(labels, audio)
        folds = divide(table, num_folds)
        warn_of_divided_groups(table)
        classes = sorted({label for clip in table.clips for label in clip.labels})
        write(data / "all", table.clips, classes)
        for fold, sets in folds.items():
            for name, clips in sets.items():
                write(data / (f"fold{fold}" if fold else "") / name, clips, classes)
        write_fold_list(data / "folds", [fold for fold in folds if fold])
    except InputError as error:
        sys.exit(f"local/data.py: {error}")
    several = sum(len(clip.labels) > 1 for clip in table.clips)
    print(f"{len(table.clips)} clips of {len(classes)} classes, {several} with several labels")
    for fold, sets in folds.items():
        sizes = ", ".join(f"{name} {len(clips)}" for name, clips in sets.items())
        print(f"{f'fold {fold}: ' if fold else ''}{sizes} clips")


def write_fold_list(path: Path, folds: list[str]) -> None:
    """Write the list of folds; no list where there are none."""
    if not folds:
        path.unlink(missing_ok=True)
        return
    with atomic_write(path) as stream:
        stream.writelines(f"{fold}\n" for fold in folds)


if __name__ == "__main__":
    main()
