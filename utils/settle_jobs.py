#!/usr/bin/env python3
"""End the jobs that a killed call has left, before their input changes.

usage: settle_jobs.py LOG JOB   (as given to run.pl or slurm.pl; JOB is the name of the number)

Tasks of Slurm are cancelled. Those of run.pl, which are ending by themselves, are waited for.
"""

from __future__ import annotations

import glob
import shutil
import sys
import time
from pathlib import Path

from job_logs import own_log, say
from jobs import exit_on_signals
from slurm_scheduler import Slurm


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    exit_on_signals()
    log, name = sys.argv[1:]
    if shutil.which("squeue"):
        slurm = Slurm(log)
        if living := [task for task in slurm.tasks() or [] if task.lives]:
            say(f"{log}: cancelling {len(living)} tasks that an earlier call has left")
            slurm.cancel(living)
        while any(task.lives for task in slurm.tasks() or []):
            time.sleep(1)
    for path in glob.glob("*".join(map(glob.escape, log.split(name)))):
        with own_log(Path(path)):
            pass


if __name__ == "__main__":
    main()
