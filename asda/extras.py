"""Packages that asda needs for some things only: its extras, as in `pip install 'asda[onnx]'`."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable

from asda.files import InputError


def require(extra: str, packages: Iterable[str], alternative: str = "") -> None:
    """Refuse to continue without the packages of an extra.

    Args:
        extra: its name in pyproject.toml
        packages: the names under which they are imported
        alternative: what the user can choose instead of installing them

    Raises:
        InputError: naming the packages that are missing and the command that installs them.
    """
    missing = [package for package in packages if importlib.util.find_spec(package) is None]
    if missing:
        instead = f", or choose {alternative}" if alternative else ""
        names = " and ".join(missing)
        raise InputError(f"this needs {names}: pip install 'asda[{extra}]'{instead}")
