#!/usr/bin/env python3
"""Read AudioSet's lists: video, start, end and labels of each segment."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from asda.corpus.csv_table import BadLines, CsvTable
from asda.files import InputError, numbered_lines
from asda.script import run_main

# A video in several lists belongs to the first of them, so no evaluation clip is trained on.
LISTS = {
    "eval": "eval_segments.csv",
    "balanced": "balanced_train_segments.csv",
    "unbalanced": "unbalanced_train_segments.csv",
}
CLASSES = "class_labels_indices.csv"
REMEDY = "remove the file and run stage 0 again"


class Segment(NamedTuple):
    """A line of a list: times in seconds, labels separated by spaces."""

    part: str
    start: float
    end: float
    labels: str


def read_classes(folder: Path) -> dict[str, str]:
    """Return MID -> display name in class order, with underscores for spaces."""
    path = folder / CLASSES
    names: dict[str, str] = {}
    lines: dict[str, int] = {}  # MID or name -> line
    for number, row in CsvTable(path, ("index", "mid", "display_name"), REMEDY):
        if row["index"] != str(len(names)):
            raise InputError(f"{path}:{number}: expected class {len(names)}, found {row['index']}")
        for text in (row["mid"], row["display_name"]):
            if lines.setdefault(text, number) != number:
                raise InputError(
                    f"{path}:{number}: '{text}' is also in line {lines[text]}; {REMEDY}"
                )
        names[row["mid"]] = row["display_name"].replace(" ", "_")
    return names


def text_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield numbered lines, accepting Windows line endings."""
    for number, line in numbered_lines(path):
        yield number, line.rstrip("\r")


def read_lists(folder: Path, words: dict[str, str]) -> dict[str, Segment]:
    """Return video -> segment for the lists found in a folder.

    Args:
        folder: the folder with the lists
        words: MID -> label as written to utt2label

    Raises:
        InputError: if there is no list, or a list is incomplete.
    """
    segments: dict[str, Segment] = {}
    for part, name in LISTS.items():
        if (folder / name).exists():
            before, lines = len(segments), 0
            for video, segment in _read_list(folder / name, part, words):
                segments.setdefault(video, segment)
                lines += 1
            repeated = lines - (len(segments) - before)
            if repeated:
                print(f"{folder / name}: {repeated} lines skipped: their video is already listed")
    if not segments:
        raise InputError(f"{folder}: none of {', '.join(LISTS.values())}; stage 0 downloads them")
    return segments


def _read_list(path: Path, part: str, words: dict[str, str]) -> Iterator[tuple[str, Segment]]:
    expected, found, bad = None, 0, BadLines(path)
    # Millions of segments share few times and label sets: store each of them once.
    times: dict[str, float] = {}
    written: dict[str, str] = {}
    for number, line in text_lines(path):
        if line.startswith("#"):
            stated = re.search(r"num_segs=(\d+)", line)
            expected = int(stated[1]) if stated else expected
            continue
        try:
            video, start, end, mids = line.split(", ", 3)
            for time in (start, end):
                times.setdefault(time, float(time))
            if mids not in written:
                written[mids] = " ".join(words[mid] for mid in mids.strip('"').split(","))
        except ValueError:
            bad.add(
                f"{path}:{number}: expected 'video, start, end, \"labels\"', found '{line}'; "
                f"{REMEDY}"
            )
            continue
        except KeyError as error:
            bad.add(f"{path}:{number}: {error} is not in {CLASSES}; {REMEDY}")
            continue
        found += 1
        yield video, Segment(part, times[start], times[end], written[mids])
    bad.refuse()
    if expected is not None and found < expected:
        raise InputError(f"{path}: {found} segments, but its second line says {expected}; {REMEDY}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Check AudioSet's lists.", allow_abbrev=False)
    parser.add_argument("dir", type=Path, help="folder with the lists")
    folder = parser.parse_args().dir
    classes = read_classes(folder)
    segments = read_lists(folder, classes)
    print(f"{len(segments)} segments of {len(classes)} classes in {folder}")


if __name__ == "__main__":
    run_main(main)
