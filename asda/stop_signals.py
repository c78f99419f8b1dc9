"""Signals that ask a process to stop: Ctrl-C, kill, a closed terminal, the end of a job's time."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)
# `timeout` and torchrun can deliver one request twice; a user takes longer to repeat it.
SAME_REQUEST = 1.0  # seconds
NOTHING_LOST = "stopped before the first update of this call; nothing is lost"


class Stopped(KeyboardInterrupt):
    """A signal has ended the work of this process.

    Args:
        number: the signal
        message: what was saved or lost; empty = already printed
    """

    def __init__(self, number: int, message: str = ""):
        super().__init__(message)
        self.number = number


class StopRequests:
    """Requests to stop: obeyed at once if nothing would be lost, otherwise recorded in `received`.

    A second request ends the process at once. Signals that the process was started to ignore (as
    with nohup) stay ignored.

    Args:
        announce: whether this process confirms requests on the terminal
        at_once: whether a request stops this process by itself outside `deferred`; False = others
            would wait for it in vain, so the code asks for `received` when all have come there
    """

    def __init__(self, announce: bool = True, at_once: bool = True):
        self.announce = announce
        self.at_once = at_once
        self.received: int | None = None
        self._since = 0.0
        self._deferred = False

    @contextlib.contextmanager
    def handled(self) -> Iterator[None]:
        """Handle the stop signals within the block; only the main thread of a process can."""
        before = {}
        if threading.current_thread() is threading.main_thread():
            before = {n: signal.getsignal(n) for n in STOP_SIGNALS}
            before = {n: handler for n, handler in before.items() if handler != signal.SIG_IGN}
        try:
            for number in before:
                signal.signal(number, self._receive)
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextlib.contextmanager
    def deferred(self) -> Iterator[None]:
        """Only record requests within the block, in `received`."""
        self._deferred = True
        try:
            yield
        finally:
            self._deferred = False

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        if self.received is None:
            self.received, self._since = number, now
            if self._deferred:
                self._print(
                    "finishing this update and saving; a second signal ends at once, without saving"
                )
            elif self.at_once:
                raise Stopped(number, NOTHING_LOST)
            else:
                self._print("stopping before the first update; a second signal ends at once")
        elif now - self._since > SAME_REQUEST:
            end_by(number)

    def _print(self, message: str) -> None:
        """Write at once: print is not safe in a handler, which may interrupt another print."""
        if self.announce:
            newline = "\n" if sys.stderr.isatty() else ""  # after ^C and the progress bar
            with contextlib.suppress(OSError):  # the terminal may be closed
                os.write(2, f"{newline}asda: {message}\n".encode())


def ignore_stop_signals() -> None:
    """Leave stopping to the process that started this one, which then asks it to end.

    Signals from a terminal, torchrun or a cluster reach every process of a group. SIGTERM ends the
    process when it comes a second time, since that is how its parent ends it if all else fails.
    """
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end_at_the_next)


def _end_at_the_next(number: int, _frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_DFL)


def end_by(number: int) -> None:
    """End this process by a signal, so that a shell's loop around it ends as well."""
    with contextlib.suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
