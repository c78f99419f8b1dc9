"""Why Slurm has ended a task, from its state, its reason and its messages."""

from __future__ import annotations

import re
from pathlib import Path

from job_logs import lines_of

MEANINGS = {
    "TIMEOUT": "it reached its time limit; ask for more with --time",
    "OUT_OF_MEMORY": "it used more memory than it had asked for; ask for more with --mem",
    "CANCELLED": "it was cancelled, by a user, an administrator or a job it depends on",
    "PREEMPTED": "another job took its place; repeat the call",
    "NODE_FAIL": "its node failed; repeat the call",
    "BOOT_FAIL": "its node did not start; repeat the call",
    "DEADLINE": "it reached its deadline",
}


def explanation(task: str, state: str, reason: str, output: Path) -> str:
    """Return why Slurm ended a task, in one line; empty if it did not.

    Args:
        task: its ID
        state: Slurm's state of it; empty = unknown
        reason: Slurm's reason of this state
        output: the file of Slurm's messages
    """
    messages = [line for line in lines_of(output) if re.match(r"slurm|srun: error", line)]
    if any(re.search(r"memory limit|oom.kill", line, re.I) for line in messages):
        # By the way in which Slurm watches memory, the state is another one.
        return f"Slurm ended task {task} (OUT_OF_MEMORY): {MEANINGS['OUT_OF_MEMORY']}"
    if state in MEANINGS:
        return f"Slurm ended task {task} ({state}): {MEANINGS[state]}"
    if state == "FAILED" and reason not in ("NonZeroExitCode", "None", ""):
        last = f"; {output} ends: {messages[-1]}" if messages else ""
        return f"Slurm ended task {task} ({state}, {reason}){last}"
    if state in ("FAILED", "COMPLETED"):
        return ""
    return f"task {task} left the queue without a result; see {output}"
