#!/usr/bin/env python3
"""Run jobs on a Slurm cluster. Python with the name and interface of Kaldi's slurm.pl.

usage: slurm.pl [--config conf/slurm.conf] [--max-jobs-run N] [--gpu N] [--mem 4G] [--time 4:0:0]
                [--num-threads N] [--resume true] [--resumable true] [--chain N] [--num-nodes N]
                [JOB=1:n] LOG PROGRAM [ARGS]

The jobs are tasks of job arrays. Each writes its log, and its exit code to a file in q/ next to the
log; this program waits for these files, and asks Slurm about tasks that end without one. The
configuration file translates options into sbatch options, in Kaldi's syntax (docs/cluster.md).

Options with a single dash, such as `-p gpu`, go to sbatch as they are.

  --resume true     skip jobs whose log shows that the same command has succeeded
  --resumable true  the program saves its work and ends on SIGUSR1 or SIGTERM, and goes on from
                    there when it is called again: it gets SIGUSR1 a minute before the time limit,
                    and SIGTERM before another job takes its place, after which it is queued again
  --chain N         submit N jobs, each of which goes on where the one before had to stop
  --num-nodes N     run the program once on each of N nodes; it is resumable

A call finds the living jobs of an earlier one with the same log: it waits for those with the same
command and cancels others. Ctrl-C, SIGTERM and SIGHUP cancel all jobs.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from cluster_config import read_config
from cluster_jobs import Batch
from jobs import Call, dispatch
from slurm_scheduler import Slurm

DEFAULT_CONFIG = """
command sbatch
option mem=* --mem $0
option time=* --time $0
option num_threads=* --cpus-per-task $0
option gpu=* --gres=gpu:$0
option gpu=0
default gpu=0
"""


def run_batch(call: Call) -> dict[int, str]:
    """Run the unfinished jobs on Slurm; return the failed ones, with Slurm's reasons."""
    config = read_config(call, Path("conf/slurm.conf"), DEFAULT_CONFIG)
    # Recipes for Grid Engine may hold these two, which sbatch would take for others.
    ours = [option for option in call.scheduler_options if option[0] not in ("-V", "-pe")]
    config.command = f"{config.command} {shlex.join(word for option in ours for word in option)}"
    return Batch(call, config, Slurm(call.log)).run()


if __name__ == "__main__":
    dispatch(run_batch, "slurm.pl", __doc__)
