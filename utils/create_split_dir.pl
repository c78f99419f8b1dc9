#!/usr/bin/env python3
"""Make folders on several disks, and a folder with the links 1, 2, ... to them.

Usage: create_split_dir.pl [--suffix <suffix>] <folder on a disk> ... <folder of links>

For example, `create_split_dir.pl /disk{3,4}/storage egs/storage` makes egs/storage/1 and 2. Links
that exist are left as they are.
"""

import argparse
import os
import sys
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="create_split_dir.pl",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--suffix", default="", help="folder within each folder on a disk")
    parser.add_argument("disks", nargs="+", metavar="folder on a disk")
    parser.add_argument("links", type=Path, metavar="folder of links")
    arguments = parser.parse_args()
    folders = [Path(os.path.abspath(Path(disk, arguments.suffix))) for disk in arguments.disks]
    arguments.links.mkdir(parents=True, exist_ok=True)
    for number, folder in enumerate(folders, 1):
        link = arguments.links / str(number)
        if link.is_symlink():
            print(f"create_split_dir.pl: {link} exists and is kept", file=sys.stderr)
            continue
        if link.exists():
            sys.exit(f"create_split_dir.pl: {link} exists and is no link; remove it")
        folder.mkdir(parents=True, exist_ok=True)
        all_folders = "".join(f"{other}\n" for other in folders)
        (folder / "README.txt").write_text(
            f"# {arguments.links.absolute()} has a link to this folder.\n"
            f"# All folders that it has links to:\n{all_folders}",
            encoding="utf-8",
        )
        link.symlink_to(folder)


if __name__ == "__main__":
    try:
        main()
    except OSError as error:
        sys.exit(f"create_split_dir.pl: {error}")
