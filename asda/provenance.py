"""What a result was made with."""

from __future__ import annotations

import datetime
import platform
import subprocess
from importlib import metadata
from pathlib import Path


def provenance() -> dict[str, str]:
    """Return date, versions of Python, asda and its main packages, and the commit of the source."""
    packages = {name: metadata.version(name) for name in ("asda", "torch", "torchaudio", "numpy")}
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        **packages,
        "commit": _commit(),
    }


def _commit() -> str:
    """Return the commit of the source tree, with "+" if it was changed since; "" outside git."""
    git = ["git", "-C", str(Path(__file__).resolve().parent)]
    try:
        commit = subprocess.run(
            [*git, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=True
        ).stdout.strip()
        changed = subprocess.run(
            [*git, "status", "--porcelain", "--untracked-files=no"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
    return commit + ("+" if changed else "")
