"""The lock that the system puts on an open file, and where it can be relied on.

It ends with the process that holds it, however that ends. Some file systems refuse such locks
(Lustre without the mount option `flock`, NFS without a lock service), and others have ones that
hold on one host only (NFS with `nolock` or `local_lock`).
"""

from __future__ import annotations

import errno
import fcntl
import re
from pathlib import Path
from typing import IO, Any

UNSUPPORTED = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)
ONE_HOST = {"nolock", "local_lock=all", "local_lock=flock", "local_lock=posix"}  # options of NFS
MOUNTS = Path("/proc/self/mounts")


def take_lock(file: int | IO[Any], inherited: bool = True) -> bool | None:
    """Lock an open file; return whether no other process holds it, None if there are no locks.

    Args:
        file: the file or its descriptor
        inherited: whether a forked child that lives on keeps the lock
    """
    try:
        (fcntl.flock if inherited else fcntl.lockf)(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise
        return None
    return True


def is_for_one_host(path: Path) -> bool:
    """Return whether locks of a file are unknown to other hosts, by how its disk is mounted."""
    where, folder = str(path.resolve()), ""
    local = False
    try:
        lines = MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    for line in lines:
        _, escaped, kind, options, *_ = line.split(" ")
        mounted = re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), escaped)  # spaces
        if f"{where}/".startswith(f"{mounted.rstrip('/')}/") and len(mounted) >= len(folder):
            folder = mounted
            local = kind.startswith("nfs") and not ONE_HOST.isdisjoint(options.split(","))
    return local
