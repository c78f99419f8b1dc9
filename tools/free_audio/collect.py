#!/usr/bin/env python3
"""Collect recorded speech and sound from free packages of Debian into Kaldi data directories.

Writes FOLDER/data/{speech,sound,all,prompts}, FOLDER/packages.tsv and FOLDER/dropped.tsv. What is
done is not repeated: an interrupted call resumes, and a second call does nothing.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))
from collected_audio import Limits, collect
from debian_packages import check_tools, download, unpack_audio
from package_list import PackageList, read_packages

from asda.commands.number_types import positive
from asda.files import InputError
from asda.script import run_main

LIST = Path(__file__).resolve().with_name("packages.yaml")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="new folder, or that of an earlier call")
    parser.add_argument("--packages", type=Path, default=LIST, metavar="FILE")
    parser.add_argument(
        "--nj", type=positive, default=2, help="files measured in parallel (default: 2)"
    )
    parser.add_argument("--shortest", type=float, default=0.3, help="seconds (default: 0.3)")
    parser.add_argument("--longest", type=float, default=60.0, help="seconds (default: 60)")
    arguments = parser.parse_args()
    packages = read_packages(arguments.packages)
    fetch(packages, arguments.folder)
    collect(packages, arguments.folder, Limits(arguments.shortest, arguments.longest), arguments.nj)


def fetch(packages: PackageList, folder: Path) -> None:
    """Download and unpack the packages that are not unpacked yet."""
    (folder / "packages").mkdir(parents=True, exist_ok=True)
    missing = [name for name in packages.packages if not (folder / "audio" / name).is_dir()]
    if missing:
        check_tools()
    unknown = []
    for name in missing:
        print(f"unpacking {name}", flush=True)
        if deb := download(name, folder / "packages"):
            unpack_audio(deb, folder / "audio" / name)
        else:
            unknown.append(name)
    if unknown:
        print(f"collect.py: warning: apt does not know {', '.join(unknown)}", file=sys.stderr)
    if len(unknown) == len(packages.packages):
        raise InputError("apt knows none of the packages; run apt-get update first")


if __name__ == "__main__":
    run_main(main)
