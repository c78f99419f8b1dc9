"""An `asda` that need not import torch: its processes are forked from one that has done so.

Recipes start `asda` dozens of times, and each start takes seconds, of which the work on a few clips
is a small part. Only tests that send no signals can use it: who ends a client ends no worker.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import socket
import socketserver
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

LONGEST = 1 << 20  # bytes of the words and the environment of a call

# It starts in 20 ms, since it needs no installed packages.
CLIENT = """#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
    connection.connect({address!r})
    call = json.dumps([sys.argv, os.getcwd(), dict(os.environ)]).encode()
    socket.send_fds(connection, [call], [0, 1, 2])
    status = connection.recv(1)
sys.exit(status[0] if status else "the process of asda was killed")
"""


class Server(socketserver.ForkingMixIn, socketserver.UnixStreamServer):
    """Runs each call of `asda` in a process of its own, and ends with the process that began it."""

    socket_type = socket.SOCK_SEQPACKET
    max_children = 1000
    parent = os.getppid()

    def service_actions(self) -> None:
        super().service_actions()
        if os.getppid() != self.parent:
            os._exit(0)


class Call(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        content, descriptors, *_ = socket.recv_fds(self.request, LONGEST, 3)
        sys.argv, folder, environment = json.loads(content)
        for number, descriptor in enumerate(descriptors):
            os.dup2(descriptor, number)
            os.close(descriptor)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        self.request.send(bytes([status_of_call()]))


def status_of_call() -> int:
    """Run asda with the words in sys.argv; return its exit status."""
    from asda.cli import main

    status = 0
    try:
        main()
    except SystemExit as end:
        status = end.code or 0
    except BaseException:
        traceback.print_exc()
        status = 1
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    return status


def serve(address: str) -> None:
    """Import what commands need, and wait for calls."""
    from asda.cli import VERBS

    modules = [f"asda.commands.{verb.replace('-', '_')}" for verb in VERBS]
    modules += [f"asda.tasks.{name}" for name in ("pretraining", "classification", "recognition")]
    modules += ["asda.scoring.baselines", "asda.scoring.score_model", "torch._dynamo"]
    modules += ["matplotlib.pyplot", "torch.utils.tensorboard"]
    for module in modules:
        importlib.import_module(module)
    gc.freeze()  # what is imported stays where it is, in memory that all processes share
    with Server(address, Call) as server:
        print("ready", flush=True)
        server.serve_forever()


@contextlib.contextmanager
def ready_asda(folder: Path) -> Iterator[Path]:
    """Return a folder with a program `asda` that works within the block."""
    (folder / "bin").mkdir()
    address = f"{folder}/calls"
    program = folder / "bin/asda"
    program.write_text(CLIENT.format(python=sys.executable, address=address))
    program.chmod(0o755)
    root = Path(__file__).resolve().parents[2]
    environment = os.environ | {"PYTHONPATH": str(root), "PYTHONUTF8": "1", "OMP_NUM_THREADS": "1"}
    words = [sys.executable, __file__, address]
    with subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout.readline() == "ready\n"
        yield program.parent
        server.terminate()


if __name__ == "__main__":
    serve(sys.argv[1])
