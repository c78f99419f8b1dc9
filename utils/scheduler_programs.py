"""What all schedulers share: tasks in the queue, names of jobs, calls of programs."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jobs import UsageError

ENDED = {
    *("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "OUT_OF_MEMORY", "NODE_FAIL", "BOOT_FAIL"),
    *("DEADLINE", "PREEMPTED", "REVOKED"),
}
# A job that waits for one of these will not start unless somebody changes something.
STUCK = re.compile(
    "Partition.*Limit|Assoc|QOS|Held|held|BadConstraints|NeverSatisfied|NotAvail|Invalid|Reservation"
)
RETRY_SECONDS = 5.0
PATIENCE = 300.0  # seconds without an answer of the scheduler until a call fails


@dataclass
class Task:
    """What the queue says of one task.

    Args:
        job: ID of the array
        index: number within the array
        comment: that of the script
        state: one of Slurm's; other schedulers give the ones that mean the same; empty = not asked
        reason: the scheduler's own
    """

    job: str
    index: int
    comment: str
    state: str = ""
    reason: str = ""

    @property
    def id(self) -> str:
        return f"{self.job}_{self.index}"

    @property
    def lives(self) -> bool:
        return self.state not in ENDED

    @property
    def is_stuck(self) -> bool:
        return self.state in ("PENDING", "SPECIAL_EXIT") and bool(STUCK.search(self.reason))


def job_name(log: str) -> str:
    """Return a name that all jobs of a log have, and no others."""
    digest = hashlib.sha256(os.path.abspath(log).encode()).hexdigest()[:8]
    return re.sub(r"[^\w.+-]", "_", f"{os.path.basename(log)}.{digest}")


def job_files(log: str) -> Path:
    """Return the beginning of the paths of all files that belong to the jobs of a log."""
    return Path(log).parent / "q" / Path(log).name


def run_program(
    words: list[str], scheduler: str, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program of a scheduler.

    Args:
        words: the program and its arguments
        scheduler: its name, for the message
        env: variables; None = those of this process

    Raises:
        UsageError: if there is no such program.
    """
    try:
        # It may outlive this process, and keeps the lock for which other calls must then wait.
        return subprocess.run(words, capture_output=True, text=True, env=env, close_fds=False)
    except FileNotFoundError:
        raise UsageError(
            f"no program '{words[0]}' on PATH: call it on a machine that submits jobs to"
            f" {scheduler}, or choose cmd_backend=local"
        ) from None
