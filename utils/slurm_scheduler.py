"""Slurm's programs: submitting arrays of tasks, asking what became of them, cancelling them."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from earlier_jobs import known_tasks
from job_logs import say
from jobs import UsageError
from scheduler_programs import PATIENCE, RETRY_SECONDS, Task, job_name, run_program
from slurm_reasons import explanation

if TYPE_CHECKING:
    from cluster_script import Script

AWAY = (
    *("Unable to contact slurm controller", "Socket timed out", "Connection refused"),
    *("Zero Bytes were transmitted", "Unable to establish control machine address"),
)
KEPT = ("SLURM_CONF", "SLURM_CLUSTERS", "SLURM_JWT")


class Slurm:
    """The programs sbatch, squeue, scancel, sacct and scontrol.

    Args:
        log: log of the call, which gives all its jobs their name
    """

    title = "Slurm's controller"
    index = "SLURM_ARRAY_TASK_ID"  # of a task, in its shell
    requeue = "scontrol requeue ${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"
    # One program for each node. srun passes signals of Slurm on, which jobs themselves do not get.
    each_node = ("srun", "--mpi=none", "--kill-on-bad-exit=1")

    def __init__(self, log: str):
        self.name = job_name(log)
        self.trouble = ""  # what was said instead of the last answer

    def submit(
        self, words: list[str], script: Script, offset: int, tasks: str, after: str, resumable: bool
    ) -> str:
        """Submit an array, if need be for minutes; return the ID of the job.

        Args:
            words: sbatch with options
            script: what it runs
            offset: what is added to the indices of tasks
            tasks: these indices, in Slurm's form
            after: ID of a job that must have ended before; empty = none
            resumable: whether the job wants a signal before its end, and may run again
        """
        comment = script.comment(offset)
        command = [*words, f"--array={tasks}", f"--job-name={self.name}", f"--comment={comment}"]
        command.append(f"--output={script.output_pattern(offset, '%a')}")
        command += [f"--dependency=afterany:{after}"] if after else []
        command.append(str(script.write(offset, self.index)))
        defaults = {"SBATCH_EXPORT": "ALL", "SBATCH_OPEN_MODE": "append"}
        defaults |= {"SBATCH_SIGNAL": "USR1@60", "SBATCH_REQUEUE": "1"} if resumable else {}
        earlier = {task.job for task in known_tasks(self)}
        deadline = time.monotonic() + PATIENCE
        while True:
            done = _run(command, defaults)
            found = re.search(r"\d+", done.stdout)
            if not done.returncode and found:
                return found[0]
            answer = (done.stderr or done.stdout).strip()
            if not any(text in answer for text in AWAY) or time.monotonic() > deadline:
                raise UsageError(f"{shlex.join(command)}: {_with_advice(answer)}")
            say(f"{self.title} does not answer; trying for {PATIENCE / 60:.0f} minutes: {answer}")
            time.sleep(RETRY_SECONDS)
            for task in known_tasks(self):  # the job may exist though the answer was lost
                if task.job not in earlier and task.comment == comment:
                    return task.job

    def tasks(self) -> list[Task] | None:
        """Return the tasks of this name, also those that ended lately; None = nobody answers."""
        words = ["squeue", "-h", "-r", "-t", "all", "-u", str(os.getuid()), f"--name={self.name}"]
        done = _run([*words, "-o", "%F|%K|%k|%T|%r"])
        if done.returncode:
            self.trouble = " ".join(done.stderr.split())
            return None
        fields = [line.split("|") for line in done.stdout.splitlines()]
        return [Task(f[0], int(f[1]), *f[2:]) for f in fields if len(f) == 5 and f[1].isdigit()]

    def cancel(self, tasks: list[Task] | None = None) -> None:
        """Cancel these tasks, or all of this name."""
        which = [f"--name={self.name}", f"--user={os.getuid()}"]
        if tasks is not None:
            which = [task.id for task in tasks]
        done = _run(["scancel", *which])
        if done.returncode:
            say(f"not cancelled: {done.stderr.strip()}; repeat: scancel {' '.join(which)}")

    def largest_index(self) -> int | None:
        """Return the largest index of a task in an array; None = unknown."""
        words = ["scontrol", "show", "config"]
        done = _run(words)
        if done.returncode:  # the controller is away for now
            known_tasks(self)
            done = _run(words)
        found = re.search(r"^MaxArraySize\s*=\s*(\d+)", done.stdout, re.M)
        return int(found[1]) - 1 if found else None

    def explain(self, job: str, index: int, task: Task | None, output: Path) -> str:
        """Return why Slurm ended a task, in one line; empty if it did not.

        Args:
            job: ID of the array
            index: number within the array
            task: what the queue says; None = no longer anything
            output: the file of Slurm's messages
        """
        name = f"{job}_{index}"
        state, reason = (task.state, task.reason) if task else (self._accounted(name), "")
        return explanation(name, state, reason, output)

    def _accounted(self, task: str) -> str:
        """Return the state of a task in Slurm's accounting; empty if there is none."""
        try:
            done = _run(["sacct", "-n", "-X", "-P", "-j", task, "-o", "State"])
        except UsageError:
            return ""
        return done.stdout.split()[0] if not done.returncode and done.stdout.strip() else ""


def _run(
    words: list[str], defaults: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program of Slurm, with no setting of a job that this process may be part of."""
    mixed = re.compile(r"SLURM_|SQUEUE_|SCANCEL_|SACCT_")
    clean = {k: v for k, v in os.environ.items() if k in KEPT or not mixed.match(k)}
    return run_program(words, "Slurm", clean | (defaults or {}))


def _with_advice(answer: str) -> str:
    """Return an error message of sbatch as one line, with what to do about it."""
    line = " ".join(answer.split())
    if "gres" in line:
        line += "; a cluster without such GPUs needs --gpu 0 (run.sh --ngpu 0), or one with another"
        line += " name 'option gpu=* --gres=NAME:$0' in conf/slurm.conf"
    elif "node configuration" in line:
        line += "; no node has what --gpu, --mem and --num-threads ask for together"
    return line
