#!/usr/bin/env python3
"""End the jobs that a killed call has left, before their input changes.

usage: settle_jobs.py LOG JOB   (as given to run.pl, slurm.pl or queue.pl; JOB names the number)

Tasks of Slurm and Grid Engine are cancelled. Those of run.pl, which are ending by themselves, are
waited for.
"""

from __future__ import annotations

import glob
import shutil
import sys
import time
from pathlib import Path

from grid_engine_scheduler import GridEngine
from job_logs import own_log, say
from jobs import exit_on_signals
from slurm_scheduler import Slurm


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    exit_on_signals()
    log, name = sys.argv[1:]
    if shutil.which("squeue"):
        cancel(Slurm(log), log)
    if shutil.which("qstat"):
        cancel(GridEngine(log), log)
    for path in glob.glob("*".join(map(glob.escape, log.split(name)))):
        with own_log(Path(path)):
            pass


def cancel(scheduler: Slurm | GridEngine, log: str) -> None:
    """Cancel the living tasks of a log, and wait until they have ended."""
    if living := [task for task in scheduler.tasks() or [] if task.lives]:
        say(f"{log}: cancelling {len(living)} tasks that an earlier call has left")
        scheduler.cancel(living)
    while any(task.lives for task in scheduler.tasks() or []):
        time.sleep(1)


if __name__ == "__main__":
    main()
