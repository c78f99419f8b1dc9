#!/usr/bin/env python3
"""Kill commands at random moments, repeat them, and compare what they have made.

usage: tools/faults/kills.py WORK [--times N] [--seed N] [COMMAND ...]

WORK is a new folder. Each COMMAND (dump, pretrain, finetune, score, tag, export; default: all)
first runs without interruption on the sounds of egs/mini. Then it is killed N times (default: 100),
each time with all its processes at a random moment of its duration, and repeated. What it leaves
must be what the undisturbed command has made, and no other file. The table goes to WORK/kills.md;
the exit status is 1 if there is any difference.
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
    commands_in,
    differing,
    files_of,
    finish,
    kill,
    make_data,
    remove,
)

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


HEADER = ["command", "seconds", "kills", "of these after its end", "repetitions that fail"]
HEADER += ["other content", "stray files", "first faults"]


def try_out(command: Command, times: int, chance: random.Random) -> Tries:
    """Make the output once without interruption, and `times` times with one."""
    began = time.monotonic()
    if problem := finish(command):
        raise SystemExit(f"{command.name}, not even killed: {problem}")
    tries = Tries(time.monotonic() - began)
    wanted, files = command.content(command.out), files_of(command.out)
    for number in range(times):
        remove(command.out)
        after = chance.uniform(0.1, 1.05) * tries.seconds
        tries.kills += 1
        tries.finished += kill(command, after)
        problem = finish(command)
        other = differing(command, wanted)
        if problem and other:  # a complete export is not written again
            tries.failures.append(f"killed after {after:.2f} s: {problem}")
        elif other:
            tries.different.append(f"killed after {after:.2f} s: {', '.join(other[:3])}")
        tries.stray += sorted(files_of(command.out) - files)
        print(f"{command.name} {number + 1}/{times}{'' if tries.is_faultless else ': FAULTS'}")
    return tries


def main() -> None:
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1].removeprefix("usage: "))
    parser.add_argument("work", type=Path)
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("commands", nargs="*")
    options = parser.parse_intermixed_args()
    work = options.work.resolve()
    work.mkdir(parents=True)
    make_data(work)
    chance, rows, faultless = random.Random(options.seed), [], True
    for command in commands_in(work):
        killed = command.name in options.commands or not options.commands
        tries = try_out(command, options.times if killed else 0, chance)
        faultless &= tries.is_faultless
        if killed:
            rows.append(tries.row(command.name))
    table = markdown_table(HEADER, rows)
    write_lines(work / "kills.md", [table])
    print(table)
    sys.exit(0 if faultless else 1)


if __name__ == "__main__":
    main()
