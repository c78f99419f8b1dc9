#!/usr/bin/env python3
"""Data directories for AudioSet: train_2m, train_20k, valid and eval.

train_20k is the balanced list. valid is a small part of the unbalanced list for model selection,
chosen by a hash of the video's name. train_2m is the balanced list and the rest of the unbalanced
one.
"""

from __future__ import annotations

import argparse
import math
import shutil
import zlib
from collections.abc import Mapping
from pathlib import Path

from audio_files import find_audio
from check import Usable, check_audio
from report import write_report
from segments import CLASSES, Segment, read_classes, read_lists

from asda.corpus.datadir import read_table
from asda.corpus.edit.sampling_weights import OFFSET, class_balanced_weights
from asda.corpus.write import write_data_dir
from asda.files import InputError
from asda.script import run_main


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument(
        "--lists",
        type=Path,
        help="folder with the lists (default: DIR/metadata, DIR or downloads/metadata)",
    )
    parser.add_argument(
        "--labels",
        choices=("name", "mid"),
        default="name",
        help="labels as display names (with _ for spaces) or as MIDs, as in checkpoints of ASDA "
        "and EAT (default: name)",
    )
    parser.add_argument(
        "--valid-percent",
        type=float,
        default=1.0,
        help="percentage of the unbalanced list used as valid (default: 1)",
    )
    parser.add_argument(
        "--weight-offset",
        type=float,
        default=OFFSET,
        help="utt2weight is the sum of 1000 / (clips of the class + OFFSET) over a clip's labels "
        f"(default: {OFFSET})",
    )
    parser.add_argument(
        "--hdf5-rate",
        type=int,
        metavar="HZ",
        help="sample rate of HDF5 files without the attribute",
    )
    parser.add_argument(
        "--bad",
        type=Path,
        metavar="FILE",
        help="clips to exclude, such as dump/fbank/bad_utterances",
    )
    parser.add_argument("dir", type=Path, help="folder with the audio")
    parser.add_argument("data", type=Path, help="where to write the data directories")
    return parser.parse_args()


def check_options(options: argparse.Namespace) -> None:
    offset, percent = options.weight_offset, options.valid_percent
    if not (math.isfinite(offset) and offset >= 0):
        raise InputError(f"--weight-offset must be 0 or more, not {offset:g}")
    if not 0 <= percent <= 100:
        raise InputError(f"--valid-percent must be from 0 to 100, not {percent:g}")
    if options.lists and not options.lists.is_dir():
        raise InputError(
            f"{options.lists}: no such folder; --lists takes the folder with the lists"
        )
    if not options.dir.is_dir():
        raise InputError(f"{options.dir}: no such folder; give the folder with the audio")


def main() -> None:
    options = parse()
    check_options(options)
    lists = options.lists or find_lists(options.dir)
    names = read_classes(lists)
    words = {mid: mid for mid in names} if options.labels == "mid" else names
    segments = read_lists(lists, words)
    audio = find_audio(options.dir.resolve(), segments, options.hdf5_rate)
    usable, broken = check_audio(audio)
    for utterance, reason in (read_table(options.bad) if options.bad else {}).items():
        if usable.pop(utterance[1:], None):
            broken[utterance[1:]] = reason
    write_report(options.data / "report", segments, usable, broken, audio, words)
    if not usable:
        raise InputError(f"{options.dir}: no usable audio of a listed video; see README.md, Audio")
    sets = choose_sets(segments, usable, options.valid_percent)
    if sets["valid"] and not sets["train_2m"]:
        raise InputError(
            f"{options.dir}: --valid-percent {options.valid_percent:g} leaves no training clips; "
            "reduce it"
        )
    for name, videos in sets.items():
        print(f"{name}: {len(videos)} clips")
        if videos:
            write_set(options.data / name, videos, segments, usable, [*words.values()], options)
        else:
            shutil.rmtree(options.data / name, ignore_errors=True)


def find_lists(folder: Path) -> Path:
    for lists in (folder / "metadata", folder, Path("downloads/metadata")):
        if (lists / CLASSES).exists():
            return lists
    raise InputError(
        f"{folder}: contains neither {CLASSES} nor metadata/{CLASSES}; "
        "./run.sh --stop-stage 0 downloads AudioSet's lists"
    )


def choose_sets(
    segments: Mapping[str, Segment], usable: Mapping[str, Usable], valid_percent: float
) -> dict[str, list[str]]:
    """Return the videos of each set."""
    sets: dict[str, list[str]] = {"train_2m": [], "train_20k": [], "valid": [], "eval": []}
    for video in usable:
        part = segments[video].part
        if part == "eval":
            sets["eval"].append(video)
        elif part == "unbalanced" and zlib.crc32(video.encode()) % 10000 < 100 * valid_percent:
            sets["valid"].append(video)
        else:
            sets["train_2m"].append(video)
            if part == "balanced":
                sets["train_20k"].append(video)
    return sets


def write_set(
    folder: Path,
    videos: list[str],
    segments: Mapping[str, Segment],
    usable: Mapping[str, Usable],
    labels: list[str],
    options: argparse.Namespace,
) -> None:
    """Write a data directory; a Y before the video keeps IDs from beginning with a dash."""
    tables = {
        "wav.scp": {f"Y{video}": usable[video].source for video in videos},
        "utt2label": {f"Y{video}": segments[video].labels for video in videos},
    }
    if all(usable[video].seconds is not None for video in videos):
        tables["utt2dur"] = {f"Y{video}": f"{usable[video].seconds:.6g}" for video in videos}
    if folder.name.startswith("train"):
        tables["utt2weight"] = class_balanced_weights(tables["utt2label"], options.weight_offset)
    write_data_dir(folder, tables, labels)


if __name__ == "__main__":
    run_main(main)
