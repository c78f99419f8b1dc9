"""What the programs of all schedulers share: names of jobs, calls of programs."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from collections.abc import Mapping

from jobs import UsageError


def job_name(log: str) -> str:
    """Return a name that all jobs of a log have, and no others."""
    digest = hashlib.sha256(os.path.abspath(log).encode()).hexdigest()[:8]
    return re.sub(r"[^\w.+-]", "_", f"{os.path.basename(log)}.{digest}")


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
        return subprocess.run(words, capture_output=True, text=True, env=env)
    except FileNotFoundError:
        raise UsageError(
            f"no program '{words[0]}' on PATH: call it on a machine that submits jobs to"
            f" {scheduler}, or choose cmd_backend=local"
        ) from None
