#!/usr/bin/env python3
"""Unpack a tar or zip archive; whatever it holds, nothing lands outside of the folder
(standard library only).

usage: utils/unpack.py [--strip-components N] ARCHIVE DIR

DIR is a new folder. --strip-components leaves leading folders out of names, as tar does. The exit
status is 1 if the archive is damaged, 2 if it is refused or the disk is full.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from asda.files import InputError, reason_of
from asda.registry.unpacking import DamagedArchiveError, unpack


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="unpack.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--strip-components", type=int, default=0, metavar="N")
    parser.add_argument("archive", type=Path)
    parser.add_argument("folder", type=Path)
    words = parser.parse_args()
    try:
        unpack(words.archive, words.folder, words.strip_components)
    except (InputError, OSError) as error:
        print(f"unpack.py: error: {reason_of(error)}", file=sys.stderr)
        sys.exit(1 if isinstance(error, DamagedArchiveError) else 2)


if __name__ == "__main__":
    main()
