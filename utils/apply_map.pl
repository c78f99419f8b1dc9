#!/usr/bin/env python3
"""Replace words of standard input by what a map gives for them: lines 'word replacement ...'.

Usage: apply_map.pl [-f <fields>] [--permissive] <map> < in > out

Fields count from 1; <fields> is one of 2, 2-4, 2- (from the second on) and -2 (the first two).
"""

import argparse
import re
import sys

from list_tools import end_with_reader, open_input


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="apply_map.pl",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("-f", dest="fields", type=field_range, default=slice(None))
    parser.add_argument(
        "--permissive", action="store_true", help="leave words that the map lacks, with a warning"
    )
    parser.add_argument("map", help="file with a line for each word")
    arguments = parser.parse_args()
    end_with_reader()
    replacements = read_map(arguments.map)
    for number, line in enumerate(sys.stdin.buffer, 1):
        fields = line.split()
        for index in range(*arguments.fields.indices(len(fields))):
            word = fields[index]
            if word in replacements:
                fields[index] = replacements[word]
                continue
            message = f"apply_map.pl: line {number}: '{word.decode()}' is not in {arguments.map}"
            if not arguments.permissive:
                sys.exit(message)
            print(f"{message}; left as it is", file=sys.stderr)
        sys.stdout.buffer.write(b" ".join(fields) + b"\n")


def field_range(text: str) -> slice:
    found = re.fullmatch(r"(\d+)|(\d*)[-:](\d*)", text)
    if not found or not re.search(r"\d", text) or re.search(r"\b0\b", text):
        raise argparse.ArgumentTypeError(f"expected fields such as 2, 2-4, 2- or -2, not '{text}'")
    if found[1]:
        return slice(int(found[1]) - 1, int(found[1]))
    return slice(int(found[2] or 1) - 1, int(found[3]) if found[3] else None)


def read_map(name: str) -> dict[bytes, bytes]:
    replacements: dict[bytes, bytes] = {}
    with open_input(name) as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                sys.exit(f"apply_map.pl: {name}:{number}: empty line; expected 'word replacement'")
            word, *rest = line.split()
            replacements[word] = b" ".join(rest)
    return replacements


if __name__ == "__main__":
    main()
