"""What the tests ask of a Slurm."""

import os
import subprocess
import threading
import time

LONG = 90  # seconds for what takes moments, on a machine that does much else


def wait_for(condition):
    deadline = time.monotonic() + LONG
    while not (found := condition()):
        assert time.monotonic() < deadline, "did not happen"
        time.sleep(0.1)
    return found


def next_line(process):
    """Return the next line of what a process says as an error, "" if it says none for long."""
    late = threading.Timer(LONG, process.kill)
    late.start()
    try:
        return process.stderr.readline()
    finally:
        late.cancel()


def queue(pattern="%F|%T"):
    words = ["squeue", "-h", "-r", "-u", str(os.getuid()), "-o", pattern]
    return subprocess.run(words, capture_output=True, text=True).stdout.split()


def text(path):
    return path.read_text() if path.exists() else ""
