"""Processes of one training, started one by one as on several hosts."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Sequence


def start_ranks(
    commands: Sequence[Sequence[object]],
    hosts: Sequence[Sequence[str]] = (),
    address: str = "127.0.0.1",
) -> list[subprocess.Popen]:
    """Start `asda` once for each rank, with the words of its own.

    Args:
        commands: words after `asda` of each rank
        hosts: the beginning of a command line that runs the rest on the host of each rank
        address: of the host of rank 0
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    launch = {"WORLD_SIZE": str(len(commands)), "MASTER_ADDR": address, "MASTER_PORT": port}
    return [
        subprocess.Popen(
            [*(hosts[rank] if hosts else ()), sys.executable, "-m", "asda", *map(str, words)],
            env=os.environ | launch | {"RANK": str(rank)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank, words in enumerate(commands)
    ]


def ended(processes: Sequence[subprocess.Popen], timeout: float = 180) -> list[tuple[int, str]]:
    """Return exit status and standard error of each process."""
    try:
        said = [process.communicate(timeout=timeout)[1] for process in processes]
    finally:
        for process in processes:
            process.kill()
    return [(process.returncode, text) for process, text in zip(processes, said, strict=True)]
