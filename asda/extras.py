"""What asda needs for some things only: extras, as in `pip install 'asda[onnx]'`, a compiler."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
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


def require_compiler(what: str, alternative: str) -> None:
    """Refuse to continue without a C++ compiler, whose name can be in the variable CXX.

    Args:
        what: what needs it
        alternative: what the user can choose instead

    Raises:
        InputError: naming the compiler that is missing.
    """
    compiler = os.environ.get("CXX", "clang++" if sys.platform == "darwin" else "g++")
    if not shutil.which(compiler):
        raise InputError(
            f"no C++ compiler ({compiler}) on this machine, which {what} needs; install one, name"
            f" it in the variable CXX, or choose {alternative}"
        )
