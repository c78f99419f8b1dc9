"""Files and folders that appear under their name only when they are complete."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from asda.abandoned import hold, remove_abandoned
from asda.files import InputError, blamed_on


def check_file_name(out: Path, suffix: str) -> None:
    """Refuse, before any work, a name that a file of a format cannot have.

    Raises:
        InputError: if `out` is a folder, or its name has another suffix.
    """
    if out.is_dir():
        raise InputError(f"{out}: a folder; give the name of a file in it, ending in {suffix}")
    if out.suffix != suffix:
        raise InputError(f"{out}: the name of a file of this format must end in {suffix}")


def check_folder_name(out: Path) -> None:
    """Refuse, before any work, a name that a folder cannot have.

    Raises:
        InputError: if there is a file of this name, or a link that leads nowhere.
    """
    if os.path.lexists(out) and not out.is_dir():
        raise InputError(f"{out}: a file, not a folder; remove it or choose another name")


@contextmanager
def staged(out: Path) -> Iterator[Path]:
    """Yield a path beside `out`, where the block writes a file or folder that becomes `out`.

    It becomes `out` only if the block succeeds, and else is removed. A file replaces a file that
    exists; nothing else is replaced.

    Raises:
        InputError: if `out` is a folder with files in it.
        OSError: naming `out`, for example if the disk is full.
    """
    if out.is_dir() and any(out.iterdir()):
        raise InputError(f"{out}: a folder with files in it; remove it or choose another name")
    with blamed_on(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        remove_abandoned(out)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as temporary:
            descriptor = os.open(temporary, os.O_RDONLY)
            try:
                hold(descriptor)
                path = Path(temporary) / out.name
                yield path
                for file in [path, *path.rglob("*")]:
                    if file.is_file():
                        _flush(file)
                os.replace(path, out)
            finally:
                os.close(descriptor)


def _flush(file: Path) -> None:
    with open(file, "rb") as stream:
        os.fsync(stream.fileno())
