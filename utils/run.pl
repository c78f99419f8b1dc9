#!/usr/bin/env python3
"""Run jobs on this machine. Python with the name and interface of Kaldi's run.pl.

usage: run.pl [--max-jobs-run N] [--num-threads N] [--resume true] [JOB=1:n] LOG PROGRAM [ARGS]

Up to --max-jobs-run jobs run in parallel (default: number of CPUs). --resume true skips jobs whose
log shows that the same command has succeeded. Other options are meant for clusters and are ignored.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterable

from jobs import Call, UsageError, dispatch, start, write_trailer


class Job:
    """A running job; when it ends, Kaldi's trailer is appended to its log."""

    def __init__(self, call: Call, number: int):
        self.number = number
        self.log = call.log_of(number)
        self.threads = call.options.get("num_threads", "1")
        self.started = time.monotonic()
        self.process = start(call.command_of(number), self.log)

    def end(self, code: int) -> bool:
        """Finish the log; return whether the job succeeded."""
        self.process.returncode = code
        code = 128 - code if code < 0 else code  # a signal, numbered as the shell does
        write_trailer(self.log, code, time.monotonic() - self.started, self.threads)
        return code == 0


def stop(jobs: Iterable[Job]) -> None:
    """Stop jobs with all their child processes."""
    jobs = list(jobs)
    for job in jobs:
        os.killpg(job.process.pid, signal.SIGTERM)
    for job in jobs:
        try:
            job.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            os.killpg(job.process.pid, signal.SIGKILL)


def jobs_at_once(call: Call) -> int:
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    try:
        limit = int(call.options.get("max_jobs_run", cpus or 1))
    except ValueError:
        limit = 0
    if limit < 1:
        raise UsageError(
            f"option --max-jobs-run must be 1 or more, not {call.options['max_jobs_run']}"
        )
    return limit


def run_jobs(call: Call) -> list[int]:
    """Run the jobs of a call; return the numbers of failed ones."""
    waiting = call.unfinished()[::-1]
    running: dict[int, Job] = {}  # process ID -> job
    failed: list[int] = []
    limit = jobs_at_once(call)
    try:
        while waiting or running:
            while waiting and len(running) < limit:
                job = Job(call, waiting.pop())
                running[job.process.pid] = job
            ended, status = os.wait()
            job = running.pop(ended)
            if not job.end(os.waitstatus_to_exitcode(status)):
                failed.append(job.number)
    finally:
        stop(running.values())
    return sorted(failed)


if __name__ == "__main__":
    dispatch(run_jobs, "run.pl", __doc__)
