"""Logs of jobs, in Kaldi's form; a log belongs to one living job (standard library only)."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

POLL_SECONDS = 1.0
NO_LOG = "(no log)"
# By some network file systems, as in asda/system_locks.py, which these programs cannot import: on
# the nodes of a cluster they run with any Python.
UNSUPPORTED = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)


@contextlib.contextmanager
def own_log(log: Path, user: str = "a living job writes") -> Iterator[IO[str]]:
    """Open a log for appending, once no process of another job has it open.

    The lock belongs to the open file, which the processes of a job inherit as their output. So it
    lasts as long as one of them lives, even if the program that started them was killed.

    Args:
        log: its path
        user: what may have it open, for the message
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "a", encoding="utf-8") as stream:
        said = False
        while not _lock(stream):
            if not said:
                say(f"{user} {log}; waiting for its end")
            said = True
            time.sleep(POLL_SECONDS)
        yield stream


def say(text: str) -> None:
    """Print a message of this program."""
    print(f"{Path(sys.argv[0]).name}: {text}", file=sys.stderr, flush=True)


def _lock(stream: IO[str]) -> bool:
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise
    return True


def start(
    command: str,
    stream: IO[str],
    append: bool = False,
    first: Callable[[], None] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a command in bash with pipefail, in a new process group, with its output in its log.

    Args:
        command: the command line
        stream: the log, from `own_log`
        append: keep what the log holds
        first: called in the new process, before the command
    """
    if not append:
        stream.truncate(0)
    stream.write(f"# {command}\n# Started at {time.ctime()}\n#\n")
    stream.flush()
    return subprocess.Popen(
        ["bash", "-o", "pipefail", "-c", command],
        stdin=subprocess.DEVNULL,
        stdout=stream,
        stderr=stream,
        start_new_session=True,
        preexec_fn=first,
    )


def write_trailer(log: Path, code: int, seconds: float, threads: str) -> None:
    """Append Kaldi's trailer to a log, which `has_succeeded` reads."""
    with open(log, "a", encoding="utf-8") as stream:
        stream.write(
            f"# Accounting: time={seconds:.0f} threads={threads}\n"
            f"# Ended (code {code}) at {time.ctime()}, elapsed time {seconds:.0f} seconds\n"
        )


def has_succeeded(log: Path, command: str) -> bool:
    """Return whether a log belongs to this command and ends with exit code 0."""
    lines = lines_of(log)
    return begins_with(lines, command) and lines[-1].startswith("# Ended (code 0) ")


def begins_with(lines: list[str], command: str) -> bool:
    """Return whether the lines of a log begin with the header of this command."""
    # The header of a multi-line command has several lines, so compare the text, not the first line.
    return "\n".join(lines).startswith(f"# {command}\n# Started at ")


def lines_of(log: Path) -> list[str]:
    """Return the lines of a file; none if there is no such file."""
    if not log.is_file():
        return []
    return log.read_text(encoding="utf-8", errors="replace").splitlines()


def last_output(log: Path) -> str:
    """Return the last line that a job has printed; if none, that of the log."""
    lines = [line for line in lines_of(log) if line.strip()]
    printed = [line for line in lines if not line.startswith("#")]
    return (printed or lines or [NO_LOG])[-1]


def shell_code(code: int) -> int:
    """Return the status of a process as the shell numbers it, with signals from 128 on."""
    return 128 - code if code < 0 else code


def await_group(group: int, seconds: float) -> None:
    """Wait for the end of all processes of a group, and kill those that live on afterwards."""
    deadline = time.monotonic() + seconds
    while _lives(group) and time.monotonic() < deadline:
        time.sleep(0.1)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def _lives(group: int) -> bool:
    """Return whether a process of a group lives, other than those that nobody has waited for."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    if not Path("/proc/self/stat").exists():  # other systems than Linux
        return True
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has just ended
            state, _parent, its_group = path.read_text().rpartition(")")[2].split()[:3]
            if its_group == str(group) and state != "Z":
                return True
    return False
