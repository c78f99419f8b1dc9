"""utils/torchrun_nodes.py, with a torchrun that ends when it is asked to."""

import contextlib
import os
import signal
import subprocess
import time

import pytest

pytestmark = pytest.mark.slow

TORCHRUN = """#!/bin/sh
trap 'exit 1' USR1
: >ready
while :; do sleep 0.1; done
"""


def test_a_later_signal_does_not_hide_the_one_that_asked_a_training_to_stop(
    repository, tmp_path, monkeypatch
):
    """srun sends SIGTERM to a node when another one has ended a moment before."""
    (tmp_path / "torchrun").write_text(TORCHRUN)
    (tmp_path / "torchrun").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    words = [repository / "utils/torchrun_nodes.py", "1", "training.py"]
    process = subprocess.Popen(words, cwd=tmp_path, start_new_session=True)
    deadline = time.monotonic() + 60
    while not (tmp_path / "ready").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGUSR1)
    while process.poll() is None:  # so that one comes while the program ends
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGTERM)
    assert process.returncode == 128 + signal.SIGUSR1
