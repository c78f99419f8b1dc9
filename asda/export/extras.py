"""Packages that some formats need and others do not."""

from __future__ import annotations

import importlib

from asda.files import InputError


def require(extra: str, *packages: str) -> None:
    """Refuse to begin without the packages of an extra.

    Raises:
        InputError: naming the command that installs them.
    """
    for package in packages:
        try:
            importlib.import_module(package)
        except ImportError:
            raise InputError(
                f"this format needs the package {package}: pip install 'asda[{extra}]'"
            ) from None
