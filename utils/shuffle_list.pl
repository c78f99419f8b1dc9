#!/usr/bin/env python3
"""Print the lines of a list in random order, which is the same for the same seed (default: 0).

Usage: shuffle_list.pl [--srand <seed>] [<list>] > <shuffled>      (default: standard input)
"""

import argparse
import random
import sys

from list_tools import end_with_reader, open_input


def main() -> None:
    parser = argparse.ArgumentParser(prog="shuffle_list.pl", description=__doc__)
    parser.add_argument("--srand", type=int, default=0, metavar="SEED")
    parser.add_argument("list", nargs="?", default="-")
    arguments = parser.parse_args()
    end_with_reader()
    with open_input(arguments.list) as stream:
        lines = stream.readlines()
    random.Random(arguments.srand).shuffle(lines)
    sys.stdout.buffer.writelines(lines)


if __name__ == "__main__":
    main()
