"""Jobs that an earlier call has submitted, whose end a later one must be sure of."""

from __future__ import annotations

import glob
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from job_logs import lines_of, own_log, say
from jobs import UsageError
from scheduler_programs import PATIENCE, RETRY_SECONDS, Task, job_files

if TYPE_CHECKING:
    from grid_engine_scheduler import GridEngine
    from slurm_scheduler import Slurm

POLL_SECONDS = 1.0


@contextmanager
def sole_submission(log: str) -> Iterator[None]:
    """Let no other call look for the jobs of a log, or submit any, until the end of the block.

    The programs of the scheduler inherit the lock. So a submission on its way counts as well, even
    if the call that began it was killed.
    """
    files = job_files(log)
    with own_log(
        files.with_name(f"{files.name}.lock"), "another call submits jobs and holds"
    ) as lock:
        os.set_inheritable(lock.fileno(), True)
        yield


def has_submitted(scheduler: Slurm | GridEngine, log: str) -> bool:
    """Return whether a call has used this scheduler for the jobs of a log: their scripts are there.

    Its programs may exist on a machine that has no access to it.
    """
    files = job_files(log)
    scripts = files.parent.glob(f"{glob.escape(files.name)}*.sh")
    return any(scheduler.index in path.read_text(encoding="utf-8") for path in scripts)


def note(log: str, tasks: list[Task]) -> None:
    """Note the tasks whose outcomes a call has yet to tell, so that another can if it is killed."""
    path = _noted(log)
    if not tasks:
        path.unlink(missing_ok=True)
        return
    lines = [f"{task.job} {task.index} {task.comment}\n" for task in tasks]
    path.with_suffix(".new").write_text("".join(lines), encoding="utf-8")
    path.with_suffix(".new").replace(path)


def noted_tasks(log: str) -> list[Task]:
    """Return the tasks whose outcomes no call has told."""
    fields = [line.split() for line in lines_of(_noted(log))]
    return [Task(job, int(index), comment) for job, index, comment in fields]


def _noted(log: str) -> Path:
    files = job_files(log)
    return files.with_name(f"{files.name}.tasks")


def known_tasks(scheduler: Slurm | GridEngine) -> list[Task]:
    """Return what the scheduler knows of its tasks, if need be after minutes.

    Raises:
        UsageError: if it does not answer.
    """
    deadline = time.monotonic() + PATIENCE
    said = False
    while (tasks := scheduler.tasks()) is None:
        why = f"{scheduler.title} does not answer"
        if time.monotonic() > deadline:
            raise UsageError(f"{why}, and jobs of an earlier call may live: {scheduler.trouble}")
        if not said:
            say(f"{why}; trying for {PATIENCE / 60:.0f} minutes: {scheduler.trouble}")
        said = True
        time.sleep(RETRY_SECONDS)
    return tasks


def living_tasks(scheduler: Slurm | GridEngine) -> list[Task]:
    return [task for task in known_tasks(scheduler) if task.lives]


def await_end(scheduler: Slurm | GridEngine) -> None:
    """Wait until none of its tasks lives."""
    while living_tasks(scheduler):
        time.sleep(POLL_SECONDS)
