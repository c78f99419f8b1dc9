"""What the Python scripts of recipes share: a user error ends them with one line."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from asda.files import InputError, reason_of


def run_main(main: Callable[[], None]) -> None:
    """Call `main`; a user or system error becomes one line on standard error and exit status 1."""
    try:
        main()
    except (InputError, OSError) as error:  # OSError: for example, a full disk
        sys.exit(f"{Path(sys.argv[0]).name}: error: {reason_of(error)}")
