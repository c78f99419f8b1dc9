"""Locks that keep other processes out of a file or folder, on network file systems too.

Where that of the system (asda/system_locks.py) is refused, or holds on one host only, a second
file, which only one process can create, names the process that holds the lock.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from asda.files import blamed_on
from asda.system_locks import is_for_one_host, take_lock

POLL_SECONDS = 1.0


class FileLock:
    """A lock on a file, for this process alone or for its forked children too.

    Args:
        path: the file, which is created
        inherited: whether a forked child that lives on keeps the lock

    Attributes:
        holder: which process has the lock, for a message, where the system does not look after it
    """

    def __init__(self, path: Path, inherited: bool = True):
        self.path = path
        self.marker = path.with_name(f"{path.name}.held")
        self._inherited = inherited
        self._stream: IO[str] | None = None
        self._marked = False
        self.holder = ""

    def acquire(self) -> bool:
        """Take the lock; return whether no other process holds it, else see `holder`."""
        with blamed_on(self.path):
            self._stream = open(self.path, "a")  # noqa: SIM115
            taken = take_lock(self._stream, self._inherited)
            if taken is not False:
                whole = taken and not is_for_one_host(self.path)
                taken = whole or self._mark()
        if not taken:
            self.release()
        return taken

    def release(self) -> None:
        """Let others take the lock, which the end of the process does as well."""
        if self._marked:
            self.marker.unlink(missing_ok=True)
            self._marked = False
        if self._stream:
            self._stream.close()
            self._stream = None

    def _mark(self) -> bool:
        """Create the second file, in place of that of a process of this host that has died."""
        host, number = socket.gethostname(), os.getpid()
        written = self.marker.with_name(f"{self.marker.name}.{host}.{number}")
        written.write_text(f"{host} {number}", encoding="utf-8")
        try:
            while True:
                try:
                    os.link(written, self.marker)  # whole, and by one process only, on NFS as well
                except FileExistsError:
                    if self._is_marked():
                        return False
                    self.marker.unlink(missing_ok=True)
                else:
                    self._marked = True
                    return True
        finally:
            written.unlink()

    def _is_marked(self) -> bool:
        """Return whether the process in the second file may live; on other hosts nobody knows."""
        try:
            host, number = self.marker.read_text(encoding="utf-8").split()
        except (FileNotFoundError, ValueError):
            return False
        self.holder = f" (process {number} on {host}; if it has ended, remove {self.marker})"
        return host != socket.gethostname() or _lives(int(number))


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock during the block, waiting for it if need be."""
    lock, said = FileLock(path), ""
    while not lock.acquire():
        if lock.holder != said:
            said = lock.holder
            print(f"{path}: waiting for another process{said}", file=sys.stderr)
        time.sleep(POLL_SECONDS)
    try:
        yield
    finally:
        lock.release()


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # that of another user
        pass
    return True
