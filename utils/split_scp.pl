#!/usr/bin/env python3
"""Split a list into contiguous parts of similar length.

Usage: split_scp.pl [--utt2spk <utt2spk>] <in.scp> <out1.scp> <out2.scp> ...
       split_scp.pl [--utt2spk <utt2spk>] [--one-based] -j <parts> <part> <in.scp> [<out>]

With utt2spk, all utterances of a speaker are in one part. Parts count from 0. '-' stands for
standard input or output.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from list_tools import end_with_reader

from asda.corpus.datadir import keys_by_value
from asda.corpus.partition import cut, cut_by_group


def main() -> None:
    end_with_reader()
    arguments = parse_arguments()
    with sys.stdin.buffer if arguments.scp == "-" else open(arguments.scp, "rb") as stream:
        lines = stream.readlines()
    if arguments.job:
        count, job = arguments.job
        wanted = {job - arguments.one_based: (arguments.outputs or ["-"])[0]}
    else:
        count, wanted = len(arguments.outputs), dict(enumerate(arguments.outputs))
    parts = split(lines, count, arguments.utt2spk)
    if not all(parts):
        sys.exit(
            f"split_scp.pl: {arguments.scp}: cannot split {len(lines)} lines into {count} parts"
        )
    for job, name in wanted.items():
        with sys.stdout.buffer if name == "-" else open(name, "wb") as stream:
            stream.writelines(parts[job])


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="split_scp.pl",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--utt2spk", type=Path, help="do not divide speakers")
    parser.add_argument("-j", dest="job", nargs=2, type=int, metavar=("PARTS", "PART"))
    parser.add_argument("--one-based", action="store_true", help="count parts from 1")
    parser.add_argument("scp")
    parser.add_argument("outputs", nargs="*")
    arguments = parser.parse_args()
    if arguments.job:
        count, job = arguments.job
        if not 0 <= job - arguments.one_based < count or len(arguments.outputs) > 1:
            parser.error(f"-j {count} {job}: no such part, or more than one output")
    elif not arguments.outputs:
        parser.error("no outputs and no -j")
    return arguments


def split(lines: list[bytes], count: int, utt2spk: Path | None) -> list:
    if utt2spk is None:
        return cut(lines, count)
    speaker_of = dict(line.split()[:2] for line in utt2spk.read_bytes().splitlines())
    try:
        speakers = keys_by_value((line, speaker_of[line.split(None, 1)[0]]) for line in lines)
    except KeyError as error:
        sys.exit(f"split_scp.pl: {utt2spk}: '{error.args[0].decode()}' is missing")
    return cut_by_group(list(speakers.values()), count)


if __name__ == "__main__":
    try:
        main()
    except OSError as error:
        sys.exit(f"split_scp.pl: {error}")
