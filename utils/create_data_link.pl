#!/usr/bin/env python3
"""Let files that are still to be written lie on the disks that create_split_dir.pl has linked.

Usage: create_data_link.pl <file> ...

If the folder of a file has storage/1, storage/2, ..., the file becomes a link into one of these,
chosen by its name; else nothing is done. Links that exist are left as they are.
"""

import argparse
import os
import random
import sys
import zlib
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="create_data_link.pl",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="file")
    for file in parser.parse_args().files:
        storage = file.parent / "storage"
        folders = sorted(path for path in storage.glob("[0-9]*") if path.name.isdecimal())
        if not folders or file.is_symlink():
            continue
        if file.exists():
            sys.exit(f"create_data_link.pl: {file} exists; it would be hidden by a link")
        folder = random.Random(file.name).choice(folders)
        # Several folders of links may share a disk, and have files of the same name.
        mark = zlib.crc32(os.fsencode(file.absolute()))
        file.symlink_to(folder.resolve() / f"{mark:08x}_{file.name}")


if __name__ == "__main__":
    try:
        main()
    except OSError as error:
        sys.exit(f"create_data_link.pl: {error}")
