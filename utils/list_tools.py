"""What the tools for lists share: reading a file or standard input, and ending quietly."""

from __future__ import annotations

import os
import signal
import sys
from typing import BinaryIO


def end_with_reader() -> None:
    """End without a message when the reader of the output does, as in `... | head`."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)


def open_input(name: str) -> BinaryIO:
    """Open a file, or standard input for "-"; end the program with a message if it cannot."""
    try:
        return sys.stdin.buffer if name == "-" else open(name, "rb")
    except OSError as error:
        sys.exit(f"{os.path.basename(sys.argv[0])}: {error}")
