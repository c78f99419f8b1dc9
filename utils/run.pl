#!/usr/bin/env python3
"""Run jobs on this machine. Python with the name and interface of Kaldi's run.pl.

usage: run.pl [--max-jobs-run N] [--num-threads N] [--resume true] [JOB=1:n] LOG PROGRAM [ARGS]

Up to --max-jobs-run jobs run in parallel (default: number of CPUs). --resume true skips jobs whose
log shows that the same command has succeeded. Other options, also `-pe smp 4` and `-V`, are meant
for clusters and are ignored.

A job whose log still belongs to a living job of an earlier call begins when that has ended. Ctrl-C,
SIGTERM and SIGHUP stop all jobs, and so does the end of run.pl if it is killed.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterable

from job_logs import await_group, own_log, shell_code, start, write_trailer
from jobs import Call, UsageError, dispatch, exiting_afterwards

STOP_SECONDS = 30.0  # for jobs that save their work


class Guard:
    """A process that ends the jobs if this one is killed and cannot do it."""

    def __init__(self) -> None:
        watched, self.pipe = os.pipe()  # it breaks when this process ends, however it ends
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()  # so that what ends the group of run.pl leaves it alive
            os.close(self.pipe)
            self._watch(watched)
            os._exit(0)
        os.close(watched)

    def note(self) -> None:
        """Say that this process is the first of a job, which a killed run.pl could not do."""
        self._tell(f"+{os.getpid()}")

    def forget(self, group: int) -> None:
        """Say that the job with this process group has ended."""
        self._tell(f"-{group}")

    def _tell(self, text: str) -> None:
        with contextlib.suppress(BrokenPipeError):  # the guard itself was killed
            os.write(self.pipe, f"{text}\n".encode())

    def dismiss(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)

    @staticmethod
    def _watch(watched: int) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        silence = os.open(os.devnull, os.O_RDWR)
        for descriptor in range(3):  # who waits for the end of the output must not wait for it
            os.dup2(silence, descriptor)
        groups = set()
        with open(watched, encoding="ascii") as lines:
            for line in lines:
                (groups.add if line[0] == "+" else groups.discard)(int(line[1:]))
        for group in groups:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, signal.SIGTERM)
        for group in groups:
            await_group(group, STOP_SECONDS)


class Job:
    """A job that has begun; when it ends, Kaldi's trailer is appended to its log.

    Args:
        call: the call
        number: of the job
        guard: the guard of all jobs
        running: where the job is noted, by its process ID
    """

    def __init__(self, call: Call, number: int, guard: Guard, running: dict[int, Job]):
        self.number = number
        self.log = call.log_of(number)
        self.threads = call.options.get("num_threads", "1")
        self.guard = guard
        with own_log(self.log) as stream, exiting_afterwards():
            self.started = time.monotonic()
            self.process = start(call.command_of(number), stream, first=guard.note)
            running[self.process.pid] = self

    def end(self, code: int) -> bool:
        """Finish the log; return whether the job succeeded."""
        self.process.returncode = code
        if code < 0:  # its other processes got the signal as well, and may still save their work
            await_group(self.process.pid, STOP_SECONDS)
        self.guard.forget(self.process.pid)
        write_trailer(self.log, shell_code(code), time.monotonic() - self.started, self.threads)
        return code == 0


def stop(jobs: Iterable[Job]) -> None:
    """Stop jobs with all their child processes."""
    jobs = list(jobs)
    for job in jobs:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(job.process.pid, signal.SIGTERM)
    for job in jobs:
        with contextlib.suppress(subprocess.TimeoutExpired):
            job.process.wait(timeout=STOP_SECONDS)
        await_group(job.process.pid, STOP_SECONDS)


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


def run_jobs(call: Call) -> dict[int, str]:
    """Run the jobs of a call; return the numbers of failed ones."""
    waiting = call.unfinished()[::-1]
    running: dict[int, Job] = {}  # process ID -> job
    failed: dict[int, str] = {}
    limit = jobs_at_once(call)
    guard = Guard()
    try:
        while waiting or running:
            while waiting and len(running) < limit:
                Job(call, waiting.pop(), guard, running)
            ended, status = os.wait()
            if ended == guard.pid:
                continue
            job = running.pop(ended)
            if not job.end(os.waitstatus_to_exitcode(status)):
                failed[job.number] = ""
    finally:
        stop(running.values())
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            guard.dismiss()
    return failed


if __name__ == "__main__":
    dispatch(run_jobs, "run.pl", __doc__)
