"""Calls of asda in forks of this process: what they import is there already.

Starting Python and importing PyTorch takes most of the time of a short command, and a command that
is killed then has nothing to lose. In a fork, almost every kill meets the work itself.
"""

from __future__ import annotations

import atexit
import importlib
import math
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

# What the commands import before they begin.
IMPORTED = (
    "asda.apply.tag_command",
    "asda.commands.finetune",
    "asda.commands.pretrain",
    "asda.commands.score",
    "asda.export.hugging_face_folder",
    "asda.scoring.score_model",
    "asda.tasks.classification",
    "asda.tasks.pretraining",
    "jsonargparse",
    "matplotlib.pyplot",
    "torch.utils.tensorboard",
    "transformers",
)


class Forked:
    """A call of asda that runs in a fork; the interface is that of `subprocess.Popen`.

    Args:
        words: the command line, which begins with asda
        cwd: folder in which it runs
        env: its variables
    """

    def __init__(self, words: Sequence[str], cwd: Path, env: Mapping[str, str]):
        for name in IMPORTED:
            importlib.import_module(name)
        self.returncode: int | None = None
        self.said = tempfile.TemporaryFile("w+")  # noqa: SIM115
        sys.stdout.flush()
        self.pid = os.fork()
        if not self.pid:
            os.chdir(cwd)
            os.environ.update(env)
            self._run(words)

    def __enter__(self) -> Forked:
        return self

    def __exit__(self, *error: object) -> None:
        self.communicate()
        self.said.close()

    def poll(self) -> int | None:
        """Return the exit status, None while it runs."""
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def communicate(self, timeout: float = math.inf) -> tuple[None, str]:
        """Wait for the end; return what was printed on standard error.

        Raises:
            TimeoutError: if it has not ended after `timeout` seconds.
        """
        latest = time.monotonic() + timeout
        while self.poll() is None:
            if time.monotonic() > latest:
                raise TimeoutError(f"process {self.pid} still runs after {timeout} s")
            time.sleep(0.01)
        self.said.seek(0)
        return None, self.said.read()

    def _run(self, words: Sequence[str]) -> NoReturn:
        """Do in the fork what a new interpreter does, from its first to its last step."""
        from asda.cli import main

        status = 1
        try:
            os.setsid()
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            os.dup2(self.said.fileno(), sys.stderr.fileno())
            sys.argv = list(words)
            main(sys.argv[1:])
            status = 0
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
        except BaseException:
            traceback.print_exc()
        finally:
            atexit._run_exitfuncs()
            sys.stderr.flush()
            os._exit(status)
