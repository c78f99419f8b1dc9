#!/usr/bin/env python3
"""Data directories of a folder of audio files and a CSV of their labels.

usage: local/data.py AUDIO LABELS NUM_FOLDS DATA

LABELS is a CSV with a header and a line per clip, in any order of the columns:

  file   path below the folder AUDIO
  label  its class; of several classes: bird;wind
  group  what clips have in common (speaker, recording, place): groups are never divided (if known)
  split  train, valid or test (if given beforehand)
  fold   part in cross-validation, in place of split (if given beforehand)

Without split and fold, a random fifth of the groups is the test set, about the same of each class;
NUM_FOLDS of 2 or more makes as many folds instead. Where no valid set is given, it is a tenth of
the training groups. Written are DATA/all and DATA/{train,valid,test}, or for cross-validation
DATA/all, DATA/folds (a list) and DATA/foldN/{train,valid,test}.
"""

from __future__ import annotations

import csv
import random
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from asda.corpus.write import write_data_dir
from asda.files import InputError, atomic_write

SETS = {
    "train": ("train", "training"),
    "valid": ("valid", "validation", "val", "dev", "development"),
    "test": ("test", "testing", "eval", "evaluation"),
}
SEED = 1


class Clip(NamedTuple):
    """A line of the CSV."""

    utterance: str
    path: Path
    labels: tuple[str, ...]
    group: str
    part: str | None  # its set or fold, if given beforehand


class Table:
    """The CSV of labels.

    Args:
        path: the CSV
        audio: folder of the files that it lists
    """

    def __init__(self, path: Path, audio: Path):
        self.path = path
        self.audio = audio.resolve()
        if not path.is_file():
            raise InputError(f"{path}: no such file; give the CSV of labels (run.sh: labels)")
        with open(path, encoding="utf-8-sig", newline="") as stream:
            lines = csv.DictReader(stream)
            self.columns = [name.strip() for name in lines.fieldnames or []]
            lines.fieldnames = self.columns
            self._check_columns()
            self.clips = [self._clip(line, f"{path}:{lines.line_num}") for line in lines]
        self._check_utterances()

    def _check_columns(self) -> None:
        for name in ("file", "label"):
            if name not in self.columns:
                found = ", ".join(self.columns) or "none"
                raise InputError(f"{self.path}:1: no column '{name}' (found: {found}); name it so")
        if {"split", "fold"} <= set(self.columns):
            raise InputError(f"{self.path}:1: columns split and fold; take one of them away")

    @property
    def partition(self) -> str | None:
        """The column that divides the corpus, if there is one."""
        return next((name for name in ("split", "fold") if name in self.columns), None)

    def _clip(self, line: dict[str, str | None], where: str) -> Clip:
        values = {name: (line[name] or "").strip() for name in self.columns}
        for name in filter(None, ("file", "label", self.partition)):
            if not values[name]:
                raise InputError(f"{where}: no {name}")
        path = self.audio / values["file"]
        if not path.is_file():
            raise InputError(f"{where}: no file {path}; correct the line or leave it out")
        labels = dict.fromkeys(word(label) for label in values["label"].split(";") if label.strip())
        name = word(values["file"].removesuffix(path.suffix).replace("/", "-"))
        # Ids begin with the group's and a dash, and it has no dash, so that both sort alike.
        group = word(values.get("group", "")).replace("-", "_")
        return Clip(
            f"{group}-{name}" if group else name,
            path,
            tuple(sorted(labels)),
            group or name,
            self.partition and self._part(values[self.partition], where),
        )

    def _part(self, value: str, where: str) -> str:
        if self.partition == "fold":
            return word(value)
        for name, synonyms in SETS.items():
            if value.lower() in synonyms:
                return name
        raise InputError(f"{where}: split is train, valid or test, not '{value}'")

    def _check_utterances(self) -> None:
        seen: dict[str, Path] = {}
        for clip in self.clips:
            other = seen.setdefault(clip.utterance, clip.path)
            if other is not clip.path:
                raise InputError(
                    f"{self.path}: {other} and {clip.path} would both be called "
                    f"'{clip.utterance}'; leave one out or rename it"
                )


def word(text: str) -> str:
    """Return text as one word that is fit for ids and labels."""
    return re.sub(r"[^\w.-]+", "_", text.strip())


def deal(clips: list[Clip], parts: int) -> list[list[Clip]]:
    """Deal whole groups, those of each class evenly, to so many parts at random.

    Raises:
        InputError: if there are fewer groups than parts.
    """
    groups: dict[str, list[Clip]] = {}
    for clip in sorted(clips):
        groups.setdefault(clip.group, []).append(clip)
    if len(groups) < parts:
        raise InputError(f"{len(groups)} clips or groups of clips cannot make {parts} parts")
    shuffled = random.Random(SEED).sample(list(groups.values()), len(groups))
    shuffled.sort(key=lambda group: group[0].labels)
    return [joined(shuffled[part::parts]) for part in range(parts)]


def joined(parts: Iterable[list[Clip]]) -> list[Clip]:
    return [clip for part in parts for clip in part]


def with_valid(train: list[Clip], test: list[Clip]) -> dict[str, list[Clip]]:
    """Return the three sets; valid is about a tenth of the training groups."""
    parts = min(10, len({clip.group for clip in train}))
    valid, *others = deal(train, max(parts, 2))
    return {"train": joined(others), "valid": valid, "test": test}


def with_folds(folds: dict[str, list[Clip]]) -> dict[str, dict[str, list[Clip]]]:
    """Return fold -> set -> clips; each fold is the test set once."""
    return {
        name: with_valid(joined(folds[other] for other in folds if other != name), test)
        for name, test in folds.items()
    }


def divide(table: Table, num_folds: int) -> dict[str, dict[str, list[Clip]]]:
    """Return fold -> set -> clips; without cross-validation, the one fold's name is empty."""
    given: dict[str, list[Clip]] = {}
    for clip in table.clips:
        given.setdefault(clip.part or "", []).append(clip)
    if table.partition == "fold":
        return with_folds(dict(sorted(given.items())))
    if table.partition == "split":
        if "valid" in given:
            return {"": {name: given.get(name, []) for name in SETS}}
        return {"": with_valid(given.get("train", []), given.get("test", []))}
    if num_folds > 1:
        parts = deal(table.clips, num_folds)
        return with_folds({str(number): part for number, part in enumerate(parts, 1)})
    test, *others = deal(table.clips, 5)
    return {"": with_valid(joined(others), test)}


def write(folder: Path, clips: list[Clip], classes: list[str]) -> None:
    """Write one data directory."""
    tables = {
        "wav.scp": {clip.utterance: str(clip.path) for clip in clips},
        "utt2label": {clip.utterance: " ".join(clip.labels) for clip in clips},
    }
    write_data_dir(folder, tables, classes, {clip.utterance: clip.group for clip in clips})


def main() -> None:
    if len(sys.argv) != 5 or not sys.argv[3].isdecimal():
        sys.exit(__doc__)
    audio, labels, data = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[4])
    try:
        table = Table(labels, audio)
        folds = divide(table, int(sys.argv[3]))
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
