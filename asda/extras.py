"""Packages that some formats need and others do not."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable

from asda.files import InputError


def require(extra: str, packages: Iterable[str]) -> None:
    """Refuse to begin without the packages of an extra.

    Raises:
        InputError: naming the command that installs them.
    """
    missing = [package for package in packages if importlib.util.find_spec(package) is None]
    if missing:
        raise InputError(f"this format needs {' and '.join(missing)}: pip install 'asda[{extra}]'")
