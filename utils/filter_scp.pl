#!/usr/bin/env python3
"""Print lines whose field occurs in a list (the first field of each line of the list).

Usage: filter_scp.pl [--exclude] [-f <field from 1>] <id-list> [<in.scp>] > <out.scp>
"""

import argparse
import sys

from list_tools import end_with_reader, open_input


def main() -> None:
    parser = argparse.ArgumentParser(prog="filter_scp.pl", description=__doc__)
    parser.add_argument(
        "--exclude", action="store_true", help="print lines whose field does not occur"
    )
    parser.add_argument(
        "-f", dest="field", type=int, default=1, help="field to compare, counted from 1"
    )
    parser.add_argument("id_list")
    parser.add_argument("scp", nargs="?", default="-", help="default: standard input")
    arguments = parser.parse_args()
    if arguments.field < 1:
        parser.error("-f counts fields from 1")
    end_with_reader()
    with open_input(arguments.id_list) as id_list:
        ids = {line.split(None, 1)[0] for line in id_list if line.strip()}
    with open_input(arguments.scp) as scp:
        for number, line in enumerate(scp, 1):
            fields = line.split(None, arguments.field)
            if len(fields) < arguments.field:
                where = f"{arguments.scp}:{number}"
                sys.exit(f"filter_scp.pl: {where}: no field {arguments.field}: {line!r}")
            if (fields[arguments.field - 1] in ids) != arguments.exclude:
                sys.stdout.buffer.write(line)


if __name__ == "__main__":
    main()
