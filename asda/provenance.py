"""The environment a result was made in."""

from __future__ import annotations

import platform
import subprocess
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import asda
from asda.digests import file_digest, value_digest


def environment() -> dict[str, str | None]:
    """Return date, platform, versions and, in a checkout of asda, its commit ("+" = changed)."""
    return {
        "date": datetime.now().astimezone().isoformat(timespec="seconds"),
        "asda": asda.__version__,
        "commit": _commit(),
        "python": platform.python_version(),
        **{package: version(package) for package in ("torch", "torchaudio", "numpy")},
        "platform": platform.platform(),
    }


def code_digest() -> str:
    """Return the digest of asda's files; unlike the commit, it needs no git on the host."""
    root = Path(asda.__file__).resolve().parent
    files = [path for path in root.rglob("*") if path.suffix in (".py", ".yaml")]
    return value_digest({path.relative_to(root).as_posix(): file_digest(path) for path in files})


def _commit() -> str | None:
    root = Path(asda.__file__).resolve().parent.parent
    if not (root / ".git").exists():
        return None
    command = ["git", "-C", str(root), "describe", "--always", "--dirty=+", "--exclude=*"]
    try:
        done = subprocess.run([*command, "--abbrev=40"], capture_output=True, text=True)
    except FileNotFoundError:
        return None
    return done.stdout.strip() or None
