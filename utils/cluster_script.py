"""The script of a job array, and the files in q/ next to the log that belong to it."""

from __future__ import annotations

import hashlib
import shlex
import sys
from pathlib import Path

from grid_engine_scheduler import GridEngine
from jobs import Call, join_words
from scheduler_programs import Task, job_files
from slurm_scheduler import Slurm

RUN_TASK = str(Path(__file__).resolve().with_name("run_task.py"))


class Script:
    """The script that runs one job of a call, given its number.

    Args:
        call: the call
        scheduler: who runs the jobs
        resumable: whether a job that was asked to stop goes back into the queue
        size: jobs in an array at most; the first job of an array has a multiple of it as its number
    """

    def __init__(self, call: Call, scheduler: Slurm | GridEngine, resumable: bool, size: int):
        self.stem = job_files(call.log)
        self.size = size
        self.text = self._text(call, scheduler, resumable)
        self.digest = hashlib.sha256(self.text.encode()).hexdigest()[:16]

    def _text(self, call: Call, scheduler: Slurm | GridEngine, resumable: bool) -> str:
        def numbered(text: str) -> str:
            """Quote a text for the shell, with the number of the job in the place of JOB."""
            parts = text.split(call.variable) if call.variable else [text]
            return '"$number"'.join(map(shlex.quote, parts))

        threads = call.options.get("num_threads", "1")
        words = [shlex.quote(sys.executable), shlex.quote(RUN_TASK), "--threads", threads]
        words += ["--exit-file", shlex.quote(str(self.stem.absolute())) + '."$number".exit']
        words += ["--requeue", f'"{scheduler.requeue}"'] if resumable else []
        words += ["--", numbered(call.log), numbered(join_words(call.words))]
        return (
            f"cd {shlex.quote(str(Path.cwd()))} || exit 1\n"
            'export SRUN_CPUS_PER_TASK="${SLURM_CPUS_PER_TASK:-1}"\n'
            f"exec {' '.join(words)}\n"
        )

    def write(self, offset: int, index: str) -> Path:
        """Write the script of an array, whose jobs are numbered from `offset`; return its path.

        Args:
            offset: what is added to the index of a task
            index: the shell's name of this index
        """
        path = self.stem.with_name(f"{self.stem.name}{_part(offset)}.sh")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            f"#!/usr/bin/env bash\nnumber=$(({index} + {offset}))\n{self.text}", encoding="utf-8"
        )
        return path

    def exit_file(self, number: int) -> Path:
        """Return where a job writes its exit code."""
        return self.stem.with_name(f"{self.stem.name}.{number}.exit")

    def output(self, number: int) -> Path:
        """Return the file of the scheduler's messages about a job."""
        index, part = number % self.size, _part(number - number % self.size)
        return self.stem.with_name(f"{self.stem.name}{part}.{index}.out").absolute()

    def output_pattern(self, offset: int, index: str) -> str:
        """Return the name of these files for the scheduler.

        Args:
            offset: what is added to the index of a task
            index: the scheduler's pattern for this index
        """
        name = str(self.stem.absolute())
        if "\\" in name:  # which forbids patterns, and there is no other way to write one
            return "/dev/null"
        return f"{name.replace('%', '%%')}{_part(offset)}.{index}.out"

    def comment(self, offset: int) -> str:
        """Return what the scheduler keeps with an array."""
        return f"{offset}:{self.digest}"

    def number(self, task: Task) -> int | None:
        """Return the number of the job that a task runs; None if it is of another command."""
        offset, _, digest = task.comment.partition(":")
        return int(offset) + task.index if digest == self.digest and offset.isdigit() else None


def _part(offset: int) -> str:
    return f".{offset}+" if offset else ""


def ranges(numbers: list[int]) -> str:
    """Return ascending numbers as a list of ranges: 1-3,7."""
    found: list[list[int]] = []
    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in found)
