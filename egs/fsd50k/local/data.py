#!/usr/bin/env python3
"""Data directories of FSD50K, DATA/{train,valid,eval}.

usage: local/data.py DIR DATA

DIR holds FSD50K.ground_truth/{dev.csv,eval.csv,vocabulary.csv} and the clips, in FSD50K.dev_audio
and FSD50K.eval_audio. The split of dev.csv into train and val is the official one.
"""

from __future__ import annotations

import csv
import os
import sys
from pathlib import Path

from asda.corpus.write import write_data_dir
from asda.files import InputError, numbered_lines

EXPECTED = {"train": 36796, "valid": 4170, "eval": 10231}
SETS = {"train": "train", "val": "valid", "eval": "eval"}  # by what ground truth calls them


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    folder, data = Path(sys.argv[1]).resolve(), Path(sys.argv[2])
    truth = folder / "FSD50K.ground_truth"
    try:
        labels = read_vocabulary(truth / "vocabulary.csv")
        dev = read_truth(truth / "dev.csv", folder / "FSD50K.dev_audio")
        evaluation = read_truth(truth / "eval.csv", folder / "FSD50K.eval_audio")
        for name, tables in {**dev, **evaluation}.items():
            write_data_dir(data / name, tables, labels)
            print(f"{name}: {len(tables['wav.scp'])} of {EXPECTED[name]} clips")
    except InputError as error:
        sys.exit(f"local/data.py: {error}")


def read_vocabulary(path: Path) -> list[str]:
    """Return the labels in class order."""
    labels = []
    for number, row in enumerate(csv.reader(line for _, line in numbered_lines(path)), 1):
        if len(row) != 3 or row[0] != str(number - 1):
            raise InputError(f"{path}:{number}: expected '{number - 1},label,mid', found '{row}'")
        labels.append(row[1])
    return labels


def read_truth(path: Path, audio: Path) -> dict[str, dict[str, dict[str, str]]]:
    """Return set -> wav.scp and utt2label of the clips of dev.csv or eval.csv.

    Raises:
        InputError: if a clip has no audio file.
    """
    files = set(os.listdir(audio)) if audio.is_dir() else set()
    sets: dict[str, dict[str, dict[str, str]]] = {}
    for row in csv.DictReader(line for _, line in numbered_lines(path)):
        try:
            clip, labels, name = row["fname"], row["labels"], SETS[row.get("split", "eval")]
        except KeyError as error:
            raise InputError(f"{path}: no {error} in '{row}'; is it FSD50K's?") from None
        if f"{clip}.wav" not in files:
            raise InputError(f"{audio}: no {clip}.wav of {path}; the corpus is not complete")
        tables = sets.setdefault(name, {"wav.scp": {}, "utt2label": {}})
        tables["wav.scp"][clip] = f"{audio}/{clip}.wav"
        tables["utt2label"][clip] = labels.replace(",", " ")
    return sets


if __name__ == "__main__":
    main()
