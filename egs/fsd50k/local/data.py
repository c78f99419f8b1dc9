#!/usr/bin/env python3
"""Data directories for FSD50K, DATA/{train,valid,eval}.

usage: local/data.py DIR DATA

DIR contains FSD50K.ground_truth/{dev.csv,eval.csv,vocabulary.csv} and the clips in FSD50K.dev_audio
and FSD50K.eval_audio. The sets follow the official split, including that of dev.csv into train and
val.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from asda.corpus.csv_table import CsvTable, read_records
from asda.corpus.write import write_data_dir
from asda.files import InputError
from asda.script import run_main

EXPECTED = {"train": 36796, "valid": 4170, "eval": 10231}
DEV_SETS = {"train": "train", "val": "valid"}  # name in dev.csv -> data directory
REMEDY = "unpack FSD50K.ground_truth again"
Tables = dict[str, dict[str, str]]


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    folder, data = Path(sys.argv[1]).resolve(), Path(sys.argv[2])
    ground_truth = folder / "FSD50K.ground_truth"
    labels = read_vocabulary(ground_truth / "vocabulary.csv")
    for name, tables in read_sets(folder, ground_truth).items():
        write_data_dir(data / name, tables, labels)
        print(f"{name}: {len(tables['wav.scp'])} of {EXPECTED[name]} clips")


def read_vocabulary(path: Path) -> list[str]:
    """Return the labels in class order."""
    labels: list[str] = []
    for number, row in read_records(path, REMEDY):
        if len(row) != 3 or row[0] != str(len(labels)):
            raise InputError(f"{path}:{number}: expected '{len(labels)},label,mid', found '{row}'")
        labels.append(row[1])
    return labels


def read_sets(folder: Path, ground_truth: Path) -> dict[str, Tables]:
    """Return set -> its tables wav.scp and utt2label.

    Raises:
        InputError: if a set is empty, a clip has no audio file, or a clip is listed twice.
    """
    sets: dict[str, Tables] = {name: {"wav.scp": {}, "utt2label": {}} for name in EXPECTED}
    listed: dict[str, str] = {}  # clip -> file and line
    for part in ("dev", "eval"):
        path, audio = ground_truth / f"{part}.csv", folder / f"FSD50K.{part}_audio"
        files = set(os.listdir(audio)) if audio.is_dir() else set()
        columns = ("fname", "labels", "split") if part == "dev" else ("fname", "labels")
        table = CsvTable(path, columns, REMEDY)
        for number, row in table:
            where, clip = f"{path}:{number}", row["fname"]
            try:
                name = set_of(row["split"], where) if part == "dev" else "eval"
                check_clip(clip, where, listed, files, audio)
            except InputError as error:
                table.bad.add(str(error))
                continue
            listed[clip] = where
            sets[name]["wav.scp"][clip] = f"{audio}/{clip}.wav"
            sets[name]["utt2label"][clip] = row["labels"].replace(",", " ")
    for name, tables in sets.items():
        if not tables["wav.scp"]:
            path = ground_truth / ("eval.csv" if name == "eval" else "dev.csv")
            raise InputError(f"{path}: no clips for {name}; {REMEDY}")
    return sets


def check_clip(clip: str, where: str, listed: dict[str, str], files: set[str], audio: Path) -> None:
    """Refuse a clip that is listed twice, or whose file is missing."""
    if clip in listed:
        raise InputError(f"{where}: clip {clip} is also in {listed[clip]}; remove one line")
    if f"{clip}.wav" not in files:
        raise InputError(f"{where}: no file {clip}.wav in {audio}; download the corpus again")


def set_of(split: str, where: str) -> str:
    if split not in DEV_SETS:
        raise InputError(f"{where}: split must be {' or '.join(DEV_SETS)}, not '{split}'; {REMEDY}")
    return DEV_SETS[split]


if __name__ == "__main__":
    run_main(main)
