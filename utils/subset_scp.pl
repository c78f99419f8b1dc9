#!/usr/bin/env python3
"""Print N lines of a list; by default at even intervals, so that they are of all speakers.

Usage: subset_scp.pl [--quiet] [--first|--last] <N> <in.scp> > <out.scp>      ('-': standard input)
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from list_tools import end_with_reader, open_input

from asda.corpus.partition import evenly_spaced


def main() -> None:
    parser = argparse.ArgumentParser(prog="subset_scp.pl", description=__doc__)
    parser.add_argument("--quiet", action="store_true", help="print all lines if there are fewer")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--first", action="store_true", help="the first N lines")
    where.add_argument("--last", action="store_true", help="the last N lines")
    parser.add_argument("count", type=int, metavar="N")
    parser.add_argument("scp")
    arguments = parser.parse_args()
    if arguments.count < 1:
        parser.error("N must be 1 or more")
    end_with_reader()
    with open_input(arguments.scp) as stream:
        lines = stream.readlines()
    count = arguments.count
    if count > len(lines):
        if not arguments.quiet:
            sys.exit(f"subset_scp.pl: {arguments.scp}: {len(lines)} lines, fewer than {count}")
        count = len(lines)
    if arguments.first:
        chosen = lines[:count]
    elif arguments.last:
        chosen = lines[len(lines) - count :]
    else:
        chosen = evenly_spaced(lines, count)
    sys.stdout.buffer.writelines(chosen)


if __name__ == "__main__":
    main()
