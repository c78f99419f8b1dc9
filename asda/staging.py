"""Files and folders that appear under their name only when they are complete."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from asda.files import InputError, blamed_on


@contextmanager
def staged(out: Path) -> Iterator[Path]:
    """Yield a path beside `out`, where the block writes a file or folder that becomes `out`.

    It becomes `out` only if the block succeeds, and else is removed. A file that exists is
    replaced, a folder is not.

    Raises:
        InputError: if `out` is a folder with files in it.
        OSError: naming `out`, for example if the disk is full.
    """
    if out.is_dir() and any(out.iterdir()):
        raise InputError(f"{out}: a folder with files in it; remove it or choose another name")
    with blamed_on(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as temporary:
            path = Path(temporary) / out.name
            yield path
            for file in [path, *path.rglob("*")]:
                if file.is_file():
                    _flush(file)
            os.replace(path, out)


def _flush(file: Path) -> None:
    with open(file, "rb") as stream:
        os.fsync(stream.fileno())
