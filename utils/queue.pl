#!/usr/bin/env python3
"""Run jobs on a Grid Engine cluster. Python with the name and interface of Kaldi's queue.pl.

usage: queue.pl [--config conf/queue.conf] [--max-jobs-run N] [--gpu N] [--mem 4G] [--time 4:0:0]
                [--num-threads N] [--resume true] [OPTIONS OF QSUB] [JOB=1:n] LOG PROGRAM [ARGS]

The jobs are tasks of job arrays. Each writes its log, and its exit code to a file in q/ next to the
log; this program waits for these files, and asks Grid Engine about tasks that end without one. The
configuration file translates options into those of qsub, in Kaldi's syntax. Options with a single
dash, such as `-q all.q`, `-l mem_free=2G`, `-pe smp 4` and `-V`, go to qsub as they are.

  --resume true     skip jobs whose log shows that the same command has succeeded

A call finds the living jobs of an earlier one with the same log: it waits for those with the same
command and cancels others. Ctrl-C, SIGTERM and SIGHUP cancel all jobs.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from cluster_config import read_config
from cluster_jobs import Batch
from grid_engine_scheduler import GridEngine
from jobs import Call, UsageError, dispatch

DEFAULT_CONFIG = """
command qsub -V -cwd -S /bin/bash -j y
option mem=* -l mem_free=$0,ram_free=$0
option mem=0
option time=* -l h_rt=$0
option num_threads=* -pe smp $0
option num_threads=1
option gpu=* -l gpu=$0
option gpu=0
default gpu=0
"""


def run_batch(call: Call) -> dict[int, str]:
    """Run the unfinished jobs on Grid Engine; return the failed ones, with its reasons."""
    if "num_nodes" in call.options:
        raise UsageError("option --num-nodes: one program on several nodes needs slurm.pl")
    config = read_config(call, Path("conf/queue.conf"), DEFAULT_CONFIG)
    options = [word for option in call.scheduler_options for word in option]
    config.command = f"{config.command} {shlex.join(options)}"
    return Batch(call, config, GridEngine(call.log)).run()


if __name__ == "__main__":
    dispatch(run_batch, "queue.pl", __doc__)
