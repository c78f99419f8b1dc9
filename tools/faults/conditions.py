#!/usr/bin/env python3
"""Run commands under faults of the machine, repeat them without, and compare what they have made.

usage: tools/faults/conditions.py WORK [--only FAULT ...] [COMMAND ...]

WORK is a new folder, or that of an earlier call, whose data serves again. Each COMMAND (dump,
pretrain, finetune, score, tag, export; default: all) first runs undisturbed on the sounds of
egs/mini. Then it runs under each fault that concerns it: it must end with one clear line, or make
what it should. Repeated without the fault it must make what the undisturbed command has made, and
no other file. The table goes to WORK/conditions.md; the exit status is 1 if anything is wrong.
Faults of disks are mounts in a namespace of this script alone, which only root may make.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from commands import Command, chosen, differing, emptied, files_of, finish, remove, run
from conditions_of import FAULTS, OWN_NAMESPACE, Fault, Machine

from asda.files import write_lines
from asda.scoring.tables import markdown_table

HEADER = ["fault", "command", "while it lasts", "afterwards", "message"]


def enter_namespace() -> None:
    """Start this script again where its mounts are seen by nobody else, if that is possible."""
    words = ["unshare", "--mount", "--propagation", "private"]
    if OWN_NAMESPACE in os.environ or not shutil.which(words[0]):
        return
    if subprocess.run([*words, "true"], capture_output=True).returncode == 0:
        os.environ[OWN_NAMESPACE] = "1"
        os.execvp(words[0], [*words, sys.executable, *sys.argv])


def problem_of(status: int, said: str, fault: Fault) -> str:
    """Return what is wrong with how a command has failed, "" if nothing is."""
    last = said.strip().splitlines()[-1:]
    if "Traceback (most recent call last)" in said:
        return "a traceback"
    if status < 0:
        return f"killed by signal {-status}"
    if not last or not any(word in last[0] for word in fault.told):
        return "the last line does not tell the fault"
    return ""


def try_out(fault: Fault, command: Command, made: Command, machine: Machine) -> list[str]:
    """Run a command under a fault and again without it; return a row of the table."""
    emptied(machine.place)
    with fault.held(machine, command, made) as changed:
        status, said = run(changed)
        lasting = problem_of(status, said, fault) if status else ""
        wanted = made.content(made.out)
        if not status and differing(command, wanted):
            lasting = "says nothing, and makes something else"
    last = (said.strip().splitlines() or [""])[-1] if status else ""
    problem = finish(command)
    other = differing(command, wanted)
    if other:
        afterwards = f"FAULT: {problem or 'other content: ' + ', '.join(other[:3])}"
    elif stray := files_of(command.out) - files_of(made.out):
        afterwards = f"FAULT: stray {', '.join(sorted(stray)[:3])}"
    else:
        afterwards = "the same"
    during = f"FAULT: {lasting}" if lasting else ("refused" if status else "works")
    shown = last.replace(str(machine.work), "WORK").replace("|", "\\|")
    return [fault.name, command.name, during, afterwards, shown]


def main() -> None:
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1].removeprefix("usage: "))
    parser.add_argument("work", type=Path)
    parser.add_argument("--only", action="append", default=[], choices=list(FAULTS))
    parser.add_argument("commands", nargs="*")
    options = parser.parse_intermixed_args()
    enter_namespace()
    machine = Machine(options.work.resolve())
    machine.work.mkdir(parents=True, exist_ok=True)
    rows = []
    for made, command in chosen(machine.work, options.commands):
        for name in options.only or FAULTS:
            fault = replace(FAULTS[name], name=name)
            if command.name not in fault.commands:
                continue
            if reason := fault.impossible():
                rows.append([name, command.name, f"skipped: {reason}", "", ""])
            else:
                rows.append(try_out(fault, command, made, machine))
            print(" | ".join(rows[-1]), flush=True)
    remove(machine.place)
    table = markdown_table(HEADER, rows)
    write_lines(machine.work / "conditions.md", [table])
    print(table)
    sys.exit(any("FAULT" in cell for row in rows for cell in row))


if __name__ == "__main__":
    main()
