#!/usr/bin/env python3
"""Kill commands at random moments, repeat them, and compare what they have made.

usage: tools/faults/kills.py WORK [--times N] [--seed N] [COMMAND ...]

WORK is a new folder, or that of an earlier call, whose data serves again. Each COMMAND (dump,
pretrain, finetune, score, tag, export; default: all) first runs without interruption on sounds as
those of egs/mini. Then it is killed N times (default: 100), each time with all its processes at a
random moment of the time that this took, and repeated. What it leaves must be what the undisturbed
command has made, and no other file. The table goes to WORK/kills.md; the exit status is 1 if there
is any difference.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from commands import (
    Command,
    chosen,
    differing,
    emptied,
    files_of,
    finish,
    kill,
    remove,
    seconds_in,
)

from asda.abandoned import UNLOCKED
from asda.files import write_lines
from asda.scoring.tables import markdown_table


@dataclass
class Tries:
    """What came out of the kills of one command."""

    seconds: float
    kills: int = 0
    finished: int = 0
    failures: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)
    stray: list[str] = field(default_factory=list)

    @property
    def is_faultless(self) -> bool:
        return not (self.failures or self.different or self.stray)

    def row(self, name: str) -> list[object]:
        found = [*self.failures, *self.different, *self.stray]
        counts = [len(self.failures), len(self.different), len(self.stray)]
        return [
            name,
            f"{self.seconds:.1f}",
            self.kills,
            self.finished,
            *counts,
            "; ".join(found[:3]),
        ]


HEADER = ["command", "seconds", "kills", "already finished", "failed repetitions"]
HEADER += ["different output", "stray files", "first faults"]


def try_out(
    command: Command, made: Command, seconds: float, times: int, chance: random.Random
) -> Tries:
    """Run a command `times` times with an interruption.

    Args:
        command: is killed
        made: the same command undisturbed, with its output
        seconds: how long that took
    """
    wanted, files, tries = made.content(made.out), files_of(made.out), Tries(seconds)
    for number in range(times):
        emptied(command.out.parent)
        after = chance.uniform(0.1, 1.05) * tries.seconds
        tries.kills += 1
        tries.finished += kill(command, after)
        time.sleep(UNLOCKED)  # younger temporary files may belong to a process that still starts
        problem = finish(command)
        other = differing(command, wanted)
        if problem and other:  # a complete export is not written again
            tries.failures.append(f"killed after {after:.2f} s: {problem}")
        elif other:
            tries.different.append(f"killed after {after:.2f} s: {', '.join(other[:3])}")
        tries.stray += sorted(files_of(command.out) - files)
        print(f"{command.name} {number + 1}/{times}{'' if tries.is_faultless else ': FAULTS'}")
    remove(command.out.parent)
    return tries


def main() -> None:
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1].removeprefix("usage: "))
    parser.add_argument("work", type=Path)
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("commands", nargs="*")
    options = parser.parse_intermixed_args()
    work = options.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    chance, rows, faultless = random.Random(options.seed), [], True
    for made, command in chosen(work, options.commands):
        seconds = seconds_in(work)[command.name]
        tries = try_out(command, made, seconds, options.times, chance)
        faultless &= tries.is_faultless
        rows.append(tries.row(command.name))
        print(markdown_table(HEADER, rows[-1:]), flush=True)
    table = markdown_table(HEADER, rows)
    write_lines(work / "kills.md", [table])
    print(table)
    sys.exit(0 if faultless else 1)


if __name__ == "__main__":
    main()
