#!/usr/bin/env python3
"""Data directories for a folder of audio files and a CSV of their labels.

usage: local/data.py AUDIO LABELS NUM_FOLDS DATA

LABELS is a CSV with a header and one line per clip. Its columns, in any order:

  file   path relative to the folder AUDIO
  label  class of the clip, or several classes: bird;wind
  group  what clips have in common, such as speaker, recording or place (optional)
  split  train, valid or test (optional)
  fold   fold for cross-validation (optional, excludes split)

Without split and fold, a random fifth of the groups becomes the test set, stratified by class; with
NUM_FOLDS of 2 or more, the groups are divided into so many folds instead. If there is no validation
set, it is a random tenth of the training groups. A random split never divides a group. The script
writes DATA/all and DATA/{train,valid,test}, or for cross-validation DATA/all, the list DATA/folds
and DATA/foldN/{train,valid,test}.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterable
from pathlib import Path

from clips import SETS, Clip, Table

from asda.corpus.write import write_data_dir
from asda.files import InputError, write_lines
from asda.script import run_main

SEED = 1


def random_parts(clips: list[Clip], parts: int, purpose: str) -> list[list[Clip]]:
    """Distribute whole groups over parts at random, evenly for each class.

    Raises:
        InputError: if there are fewer groups than parts; says that `purpose` needs them.
    """
    groups: dict[str, list[Clip]] = {}
    for clip in sorted(clips):
        groups.setdefault(clip.group, []).append(clip)
    if len(groups) < parts:
        raise InputError(
            f"{purpose} needs at least {parts} clips or groups of clips, not {len(groups)}; "
            "list more"
        )
    shuffled = random.Random(SEED).sample(list(groups.values()), len(groups))
    # The sort is stable, so the order within a class stays random: taking every n-th group of the
    # list gives each part about the same number of each class.
    shuffled.sort(key=lambda group: group[0].labels)
    return [concatenated(shuffled[part::parts]) for part in range(parts)]


def concatenated(parts: Iterable[list[Clip]]) -> list[Clip]:
    return [clip for part in parts for clip in part]


def with_valid(train: list[Clip], test: list[Clip]) -> dict[str, list[Clip]]:
    """Return the three sets; a tenth of the training groups becomes the validation set."""
    parts = min(10, len({clip.group for clip in train}))
    valid, *others = random_parts(train, max(parts, 2), "a training set with a validation set")
    return {"train": concatenated(others), "valid": valid, "test": test}


def with_folds(folds: dict[str, list[Clip]]) -> dict[str, dict[str, list[Clip]]]:
    """Return fold -> set -> clips, where each fold is the test set once."""
    return {
        name: with_valid(concatenated(folds[other] for other in folds if other != name), test)
        for name, test in folds.items()
    }


def divide(table: Table, num_folds: int) -> dict[str, dict[str, list[Clip]]]:
    """Return fold -> set -> clips; a single split is one fold with an empty name."""
    try:
        if table.partition:
            return as_given(table)
        if num_folds:
            parts = random_parts(table.clips, num_folds, "--num-folds")
            return with_folds({str(number): part for number, part in enumerate(parts, 1)})
        test, *others = random_parts(table.clips, 5, "a random split")
        return {"": with_valid(concatenated(others), test)}
    except InputError as error:
        raise InputError(f"{table.path}: {error}") from None


def as_given(table: Table) -> dict[str, dict[str, list[Clip]]]:
    """Return fold -> set -> clips as assigned by the column split or fold."""
    given: dict[str, list[Clip]] = {}
    for clip in table.clips:
        given.setdefault(clip.part or "", []).append(clip)
    if table.partition == "fold":
        if len(given) < 2:
            raise InputError(
                f"only {len(given)} fold in the column fold; cross-validation needs 2 or more"
            )
        return with_folds(dict(sorted(given.items())))
    for name in ("train", "test"):
        if name not in given:
            raise InputError(f"no clip has the split {name}; assign some to it")
    if "valid" in given:
        return {"": {name: given[name] for name in SETS}}
    return {"": with_valid(given["train"], given["test"])}


def warn_of_divided_groups(table: Table) -> None:
    """Warn if the column split or fold divides a group."""
    parts: dict[str, set[str]] = {}
    for clip in table.clips:
        parts.setdefault(clip.group, set()).add(clip.part or "")
    divided = [group for group in parts if len(parts[group]) > 1]
    if divided:
        print(
            f"local/data.py: warning: {table.path}: column {table.partition} divides "
            f"{len(divided)} group(s), for example '{divided[0]}' "
            f"({', '.join(sorted(parts[divided[0]]))}); results may be too optimistic",
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
        raise InputError(f"--num-folds must be 0 (no folds) or at least 2, not '{text}'")
    return int(text)


def main() -> None:
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    audio, labels, data = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[4])
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
    several = sum(len(clip.labels) > 1 for clip in table.clips)
    print(f"{len(table.clips)} clips, {len(classes)} classes, {several} clips with several labels")
    for fold, sets in folds.items():
        sizes = ", ".join(f"{name} {len(clips)}" for name, clips in sets.items())
        print(f"{f'fold {fold}: ' if fold else ''}{sizes} clips")


def write_fold_list(path: Path, folds: list[str]) -> None:
    """Write the list of folds that utils/asda.sh looks for; without folds, remove an old one."""
    if folds:
        write_lines(path, folds)
    else:
        path.unlink(missing_ok=True)


if __name__ == "__main__":
    run_main(main)
