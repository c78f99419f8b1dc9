#!/usr/bin/env python3
"""Run one job on the node that a scheduler chose; the scripts in q/ call this program.

It writes the log, and the exit code to a file that the waiting call reads. A resumable job that was
asked to stop so that another can have its node is put back into the queue.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

from job_logs import await_group, begins_with, lines_of, own_log, shell_code, start, write_trailer

# Stopped before the end of the work: by SIGUSR1, SIGTERM, or SIGKILL after them.
STOPPED = (128 + signal.SIGUSR1, 128 + signal.SIGTERM)
LONGEST_WAIT = 3600  # seconds until the scheduler ends a job that it has promised to end


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--exit-file", type=Path, required=True)
    parser.add_argument("--threads", default="1")
    parser.add_argument("--requeue", default="", help="command that puts this job into the queue")
    parser.add_argument("log", type=Path)
    parser.add_argument("command")
    return parser.parse_args()


def run(log: Path, command: str, threads: str, append: bool) -> tuple[int, list[int]]:
    """Run a command with its log; return its exit code, and the signals that came here."""
    received: list[int] = []
    with own_log(log) as stream:
        started = time.monotonic()
        process = start(command, stream, append and begins_with(lines_of(log), command))

    def pass_on(number: int, _frame: object) -> None:
        received.append(number)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)

    for number in (signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, pass_on)
    code = shell_code(process.wait())
    if code in STOPPED:  # its other processes may still save their work
        await_group(process.pid, LONGEST_WAIT)
    write_trailer(log, code, time.monotonic() - started, threads)
    return code, received


def ended_before(exit_file: Path) -> int | None:
    """Return the exit code of an earlier job of a chain, unless work is left."""
    lines = lines_of(exit_file)
    return int(lines[0]) if lines and int(lines[0]) not in STOPPED else None


def main() -> None:
    options = arguments()
    before = ended_before(options.exit_file) if options.requeue else None
    if before is not None:
        sys.exit(before)
    resumable = bool(options.requeue)
    code, received = run(options.log, options.command, options.threads, append=resumable)
    if resumable and code == 128 + signal.SIGTERM and signal.SIGTERM not in received:
        # Only the program was asked to end, so this job has a time of grace before another takes
        # its place. If it ended now by itself, the scheduler would not start it again.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        subprocess.run(shlex.split(options.requeue), check=False)
        time.sleep(LONGEST_WAIT)
    unfinished = options.exit_file.with_name(f"{options.exit_file.name}.new")
    unfinished.write_text(f"{code}\n", encoding="utf-8")
    unfinished.replace(options.exit_file)
    sys.exit(code)


if __name__ == "__main__":
    main()
