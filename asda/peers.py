"""Signs of life between the processes of a run: when one is lost, the others end in stated time."""

from __future__ import annotations

import contextlib
import datetime
import logging
import os
import threading
import time
from collections.abc import Sequence
from typing import NoReturn

import torch.distributed as dist

log = logging.getLogger(__name__)
INTERVAL = 1.0  # seconds between signs of life in a small run
MISSED = 4  # signs in a row that are missing of a process that has ended, and not only waits
DONE, FAILED = "done", "failed"


class Peers:
    """The other processes of a run, watched by two threads of this one.

    Each process counts up in the store that torchrun, or the first process, holds for all of them.
    A process whose count stands still for too long is lost: killed, stopped, out of memory, or
    behind a broken network. Collectives of NCCL, and of gloo with a stopped process, would wait for
    it for half an hour and then end in a long traceback.

    Args:
        rank: of this process
        hosts: host of each process
        seconds: after which a process without a sign of life is lost
    """

    def __init__(self, rank: int, hosts: Sequence[str], seconds: float):
        self.rank, self.hosts, self.seconds = rank, hosts, seconds
        self.interval = min(INTERVAL + len(hosts) / 64, seconds / 6)
        self._counts: list[bytes] = [b""] * len(hosts)
        self._seen = [time.monotonic()] * len(hosts)  # when each count last changed
        self._answered = time.monotonic()  # when the store last did
        self._ended = threading.Event()
        self._store = connect(seconds)
        for work in (self._give_signs, self._watch):
            threading.Thread(target=work, daemon=True).start()

    def leave(self, failed: bool) -> None:
        """Tell the others that this process ends, and stop watching them."""
        self._ended.set()
        with contextlib.suppress(RuntimeError):  # the store may have ended already
            connect(self.interval).set(_key(self.rank), FAILED if failed else DONE)

    def lost(self) -> str | None:
        """Return which process has ended, when an exchange with the others has just failed."""
        end = time.monotonic() + 2 * MISSED * self.interval
        while time.monotonic() < end:
            if message := self._lost_for(MISSED * self.interval):
                return message
            time.sleep(self.interval / 4)
        return None

    def _give_signs(self) -> None:
        """Count up, and note whose counts have changed."""
        count = 0
        while not self._ended.wait(self.interval):
            count += 1
            with contextlib.suppress(RuntimeError):  # no answer is noticed by its time
                self._exchange(count)

    def _exchange(self, count: int) -> None:
        self._store.set(_key(self.rank), str(count))
        counts = self._store.multi_get([_key(rank) for rank in range(len(self.hosts))])
        now = self._answered = time.monotonic()
        for rank, (before, found) in enumerate(zip(self._counts, counts, strict=True)):
            if found != before:
                self._counts[rank], self._seen[rank] = found, now

    def _watch(self) -> None:
        """End this process when another one is lost: its main thread may wait for that one."""
        last = time.monotonic()
        while not self._ended.wait(self.interval):
            now = time.monotonic()
            if now - last > MISSED * self.interval:  # this process was stopped, and continued
                self._seen, self._answered = [now] * len(self.hosts), now
            last = now
            message = self._lost_for(self.seconds)
            if message and not self._ended.is_set():
                _end(message)

    def _lost_for(self, seconds: float) -> str | None:
        """Return what is lost since as many seconds."""
        now = time.monotonic()
        if now - self._answered > seconds:
            return (
                f"lost the connection to the first process on {self.hosts[0]}, which holds the"
                f" addresses of all: no answer for {seconds:.0f} s"
            )
        for rank, host in enumerate(self.hosts):
            silent = now - self._seen[rank]
            if rank == self.rank or self._counts[rank] == DONE.encode():
                continue
            if self._counts[rank] == FAILED.encode() and silent > MISSED * self.interval:
                return f"process {rank} on {host} has failed, as its own output says"
            if silent > seconds:
                return f"lost process {rank} on {host}: no sign of life for {seconds:.0f} s"
        return None


def _end(message: str) -> NoReturn:
    """End this process although its main thread hangs in an exchange that cannot be interrupted."""
    log.error("asda: error: %s; the same command resumes from the last checkpoint", message)
    os._exit(1)


def connect(seconds: float) -> dist.Store:
    """Return a connection of its own to the store: one that waits for an answer blocks others.

    Args:
        seconds: until a request without an answer fails, at least 1
    """
    address, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    timeout = datetime.timedelta(seconds=max(1.0, seconds))
    store = dist.TCPStore(address, port, is_master=False, timeout=timeout)
    # torchrun keeps its store when it restarts a run, which must not find what was before it.
    attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    return dist.PrefixStore(f"asda/{attempt}", store)


def _key(rank: int) -> str:
    return f"alive/{rank}"
