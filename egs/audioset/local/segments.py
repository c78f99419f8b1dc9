#!/usr/bin/env python3
"""AudioSet's lists: which ten seconds of which video have which labels."""

from __future__ import annotations

import argparse
import csv
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from asda.files import InputError, numbered_lines

# In the order in which a video that is in two of them belongs to one: none is in training and eval.
LISTS = {
    "eval": "eval_segments.csv",
    "balanced": "balanced_train_segments.csv",
    "unbalanced": "unbalanced_train_segments.csv",
}
CLASSES = "class_labels_indices.csv"


class Segment(NamedTuple):
    """A line of a list; times in seconds, labels as words in one string."""

    part: str
    start: float
    end: float
    labels: str


def read_classes(folder: Path) -> dict[str, str]:
    """Return MID -> display name in class order, the spaces of names as underscores."""
    path = folder / CLASSES
    try:
        rows = list(csv.reader((line for _, line in text_lines(path)), strict=True))
    except csv.Error as error:
        raise InputError(f"{path}: {error}; remove the file and run stage 0 again") from None
    if not rows or rows[0] != ["index", "mid", "display_name"]:
        raise InputError(f"{path}:1: expected 'index,mid,display_name'")
    lines: dict[str, int] = {}  # of MIDs and names
    for number, row in enumerate(rows[1:]):
        line = number + 2
        if len(row) != 3 or row[0] != str(number):
            raise InputError(f"{path}:{line}: expected class {number}, found '{row}'")
        for text in row[1:]:
            if lines.setdefault(text, line) != line:
                raise InputError(
                    f"{path}:{line}: '{text}' is also in line {lines[text]}; "
                    "remove the file and run stage 0 again"
                )
    return {mid: name.replace(" ", "_") for _, mid, name in rows[1:]}


def text_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield numbered lines, without the rests of DOS line ends."""
    for number, line in numbered_lines(path):
        yield number, line.rstrip("\r")


def read_lists(folder: Path, words: dict[str, str]) -> dict[str, Segment]:
    """Return video -> segment of the lists that are in a folder.

    Args:
        folder: of the lists
        words: MID -> how a label is written

    Raises:
        InputError: if there is no list, or one is not whole.
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
                print(
                    f"{folder / name}: {repeated} lines repeat a video of it or of an earlier list"
                )
    if not segments:
        raise InputError(f"{folder}: none of {', '.join(LISTS.values())}; stage 0 downloads them")
    return segments


def _read_list(path: Path, part: str, words: dict[str, str]) -> Iterator[tuple[str, Segment]]:
    expected, found = None, 0
    times: dict[str, float] = {}  # each once: there are few, for millions of segments
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
            raise InputError(
                f"{path}:{number}: expected 'video, start, end, \"labels\"', found '{line}'; "
                "is the file whole?"
            ) from None
        except KeyError as error:
            raise InputError(f"{path}:{number}: {error} is not in {CLASSES}") from None
        found += 1
        yield video, Segment(part, times[start], times[end], written[mids])
    if expected is not None and found < expected:
        raise InputError(
            f"{path}: {found} segments, but its second line says {expected}: "
            "remove it and run stage 0 again"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description="Check AudioSet's lists.", allow_abbrev=False)
    parser.add_argument("dir", type=Path, help="folder of the lists")
    folder = parser.parse_args().dir
    try:
        classes = read_classes(folder)
        segments = read_lists(folder, classes)
    except InputError as error:
        sys.exit(f"local/segments.py: {error}")
    print(f"{len(segments)} segments of {len(classes)} classes in {folder}")


if __name__ == "__main__":
    main()
