"""Find and remove temporary files and folders of processes that were killed while writing."""

from __future__ import annotations

import functools
import os
import shutil
import time
from contextlib import suppress
from pathlib import Path

from asda.system_locks import is_for_one_host, take_lock

UNLOCKED = 1.0  # seconds within which a new temporary file may not have been locked yet
RANDOM = 8  # characters that tempfile appends


def hold(descriptor: int) -> None:
    """Mark a temporary file or folder as that of a living process, until it is closed."""
    with suppress(OSError):
        take_lock(descriptor)


def remove_abandoned(path: Path) -> None:
    """Remove what processes that were killed while they wrote `path` have left beside it.

    It stays where no lock tells whether the process lives, perhaps on another host.
    """
    for name in _hidden_names(path.parent.absolute()):
        if not name.startswith(f".{path.name}.") or len(name) != len(path.name) + 2 + RANDOM:
            continue
        found = path.parent / name
        with suppress(OSError):
            descriptor = os.open(found, os.O_RDONLY)
            try:
                if not take_lock(descriptor) or is_for_one_host(found):
                    continue
                if found.is_dir():
                    shutil.rmtree(found)
                # A time in the future is that of a clock which has been set back since.
                elif abs(time.time() - found.stat().st_mtime) > UNLOCKED:
                    found.unlink()
            finally:
                os.close(descriptor)


@functools.lru_cache(maxsize=64)
def _hidden_names(folder: Path) -> list[str]:
    """Return the hidden names in a folder, as they are when this process first writes there."""
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries if entry.name.startswith(".")]
