#!/usr/bin/env python3
"""Flip bits of files and cut them off at random places, and see what those who read them say.

usage: tools/faults/damage.py WORK [--times N] [--seed N] [FILE ...]

WORK is the folder of a call of conditions.py, whose data and results are used. Each kind of FILE
(default: all) is damaged N times (default: 100) in each way, the places being drawn from a seed.
Its reader must refuse it in one line, or read what it read before; anything else is "unnoticed",
which happens where neither checksums nor limits tell a wrong value from a right one. The table goes
to WORK/damage.md; the exit status is 1 if a reader raises an error of another kind, or if damage
of a file with checksums stays unnoticed.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import random
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from damaged_files import KINDS, Kind

from asda.audio.audio_error import AudioError
from asda.files import InputError, write_lines
from asda.scoring.tables import markdown_table

WAYS = ("flipped", "cut")
OUTCOMES = ("refused", "harmless", "unnoticed", "fault")
HEADER = ["file", "checksums", "damage", "tries", *OUTCOMES, "a message"]


@dataclass
class Trial:
    """What came out of damage of one file: how often what, and a message."""

    outcomes: Counter[str]
    message: str = ""
    first_fault: str = ""


def damaged(content: bytes, way: str, chance: random.Random) -> bytes:
    """Return a content with one bit flipped, or without its end."""
    place = chance.randrange(len(content))
    if way == "cut":
        return content[:place]
    found = bytearray(content)
    found[place] ^= 1 << chance.randrange(8)
    return bytes(found)


def outcome_of(
    read: Callable[[], Mapping[str, Any]], wanted: Mapping[str, Any], names: str
) -> tuple[str, str]:
    """Return what a reader makes of a damaged file, and what it says."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            found = read()
    except (InputError, AudioError) as error:
        said = str(error)
        return ("refused" if "\n" not in said and names in said else "fault"), said
    except Exception as error:  # the fault that is looked for
        return "fault", f"{type(error).__name__}: {error}"
    same = found.keys() == wanted.keys() and all(
        np.array_equal(found[name], wanted[name]) for name in wanted
    )
    return ("harmless" if same else "unnoticed"), ""


def try_out(kind: Kind, path: Path, way: str, times: int, chance: random.Random) -> Trial:
    """Damage a file that many times, and put it back."""
    content, before = path.read_bytes(), path.stat()
    with contextlib.redirect_stdout(io.StringIO()):
        wanted = kind.read(path)
    trial = Trial(Counter())
    for _ in range(times):
        path.write_bytes(damaged(content, way, chance))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        outcome, said = outcome_of(lambda: kind.read(path), wanted, kind.names or path.name)
        trial.outcomes[outcome] += 1
        if outcome == "refused":
            trial.message = trial.message or said
        elif outcome == "fault" or (outcome == "unnoticed" and kind.has_checksums):
            trial.first_fault = trial.first_fault or f"FAULT: {outcome} {said}"
    path.write_bytes(content)
    return trial


def main() -> None:
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1].removeprefix("usage: "))
    parser.add_argument("work", type=Path)
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("files", nargs="*")
    options = parser.parse_intermixed_args()
    work, rows = options.work.resolve(), []
    copy = work / "damaged"
    for name, kind in KINDS.items():
        if options.files and name not in options.files:
            continue
        shutil.rmtree(copy, ignore_errors=True)
        path = kind.copied(work, copy)
        for way in WAYS:
            chance = random.Random(f"{options.seed} {name} {way}")
            trial = try_out(kind, path, way, options.times, chance)
            shown = (trial.first_fault or trial.message).replace(f"{copy}/", "").replace("|", "\\|")
            checksums = "yes" if kind.has_checksums else "no"
            counts = [trial.outcomes[outcome] for outcome in OUTCOMES]
            rows.append([name, checksums, way, options.times, *counts, " ".join(shown.split())])
            print(" ".join(map(str, rows[-1])), flush=True)
    shutil.rmtree(copy, ignore_errors=True)
    table = markdown_table(HEADER, rows)
    write_lines(work / "damage.md", [table])
    print(table)
    sys.exit(any("FAULT" in row[-1] for row in rows))


if __name__ == "__main__":
    main()
