#!/usr/bin/env python3
"""Data directories of FSD50K, DATA/{train,valid,eval}.

usage: local/data.py DIR DATA

DIR holds FSD50K.ground_truth/{dev.csv,eval.csv,vocabulary.csv} and the clips, in FSD50K.dev_audio
and FSD50K.eval_audio. The split of dev.csv into train and val is the official one.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from asda.corpus.csv_table import CsvTable, read_records
from asda.corpus.write import write_data_dir
from asda.files import InputError

EXPECTED = {"train": 36796, "valid": 4170, "eval": 10231}
DEV_SETS = {"train": "train", "val": "valid"}  # by what dev.csv calls them
REMEDY = "unpack FSD50K.ground_truth again"
Tables = dict[str, dict[str, str]]


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    folder, data = Path(sys.argv[1]).resolve(), Path(sys.argv[2])
    truth = folder / "FSD50K.ground_truth"
    try:
        labels = read_vocabulary(truth / "vocabulary.csv")
        for name, tables in read_sets(folder, truth).items():
            write_data_dir(data / name, tables, labels)
            print(f"{name}: {len(tables['wav.scp'])} of {EXPECTED[name]} clips")
    except InputError as error:
        sys.exit(f"local/data.py: {error}")


def read_vocabulary(path: Path) -> list[str]:
    """Return the labels in class order."""
    labels = []
    for number, row in read_records(path, REMEDY):
        if len(row) != 3 or row[0] != str(len(labels)):
            raise InputError(f"{path}:{number}: expected '{len(labels)},label,mid', found '{row}'")
        labels.append(row[1])
    return labels


def read_sets(folder: Path, truth: Path) -> dict[str, Tables]:
    """Return set -> wav.scp and utt2label of its clips; no set is empty.

    Raises:
        InputError: if a set has no clips, or a clip no audio file or more than one line.
    """
    sets: dict[str, Tables] = {name: {"wav.scp": {}, "utt2label": {}} for name in EXPECTED}
    listed: dict[str, str] = {}  # clip -> file and line
    for part in ("dev", "eval"):
        path, audio = truth / f"{part}.csv", folder / f"FSD50K.{part}_audio"
        files = set(os.listdir(audio)) if audio.is_dir() else set()
        columns = ("fname", "labels", "split") if part == "dev" else ("fname", "labels")
        for number, row in CsvTable(path, columns, REMEDY):
            place, clip = f"{path}:{number}", row["fname"]
            if clip in listed:
                raise InputError(f"{place}: clip {clip} is also in {listed[clip]}; keep one line")
            if f"{clip}.wav" not in files:
                raise InputError(f"{audio}: no {clip}.wav of {place}; the corpus is not complete")
            listed[clip] = place
            tables = sets[set_of(row["split"], place) if part == "dev" else "eval"]
            tables["wav.scp"][clip] = f"{audio}/{clip}.wav"
            tables["utt2label"][clip] = row["labels"].replace(",", " ")
    for name, tables in sets.items():
        if not tables["wav.scp"]:
            path = truth / ("eval.csv" if name == "eval" else "dev.csv")
            raise InputError(f"{path}: no clips for {name}; {REMEDY}")
    return sets


def set_of(split: str, place: str) -> str:
    if split not in DEV_SETS:
        raise InputError(f"{place}: split is {' or '.join(DEV_SETS)}, not '{split}'")
    return DEV_SETS[split]


if __name__ == "__main__":
    main()
