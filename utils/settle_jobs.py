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
from pathlib import Path

from earlier_jobs import await_end, has_submitted, living_tasks, note, noted_tasks, sole_submission
from grid_engine_scheduler import GridEngine
from job_logs import own_log, say
from jobs import UsageError, exit_on_signals
from scheduler_programs import job_files
from slurm_scheduler import Slurm


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    exit_on_signals()
    log, name = sys.argv[1:]
    try:
        if shutil.which("squeue"):
            cancel(Slurm(log), log)
        if shutil.which("qstat"):
            cancel(GridEngine(log), log)
    except UsageError as error:
        folder = job_files(log).parent
        sys.exit(f"settle_jobs.py: error: {error}; if you know that none does, remove {folder}")
    for path in glob.glob("*".join(map(glob.escape, log.split(name)))):
        with own_log(Path(path)):
            pass


def cancel(scheduler: Slurm | GridEngine, log: str) -> None:
    """Cancel the living tasks of a log, and wait until they have ended."""
    if not has_submitted(scheduler, log):
        return
    with sole_submission(log):
        if living := living_tasks(scheduler):
            say(f"{log}: cancelling {len(living)} tasks that an earlier call has left")
            scheduler.cancel(living)
            cancelled = {task.id for task in living}
            # The next call tells why the others have failed.
            note(log, [task for task in noted_tasks(log) if task.id not in cancelled])
        await_end(scheduler)


if __name__ == "__main__":
    main()
