#!/usr/bin/env python3
"""Invert spk2utt: print one line per utterance with its speaker.

Usage: spk2utt_to_utt2spk.pl [spk2utt] > utt2spk      (default: standard input)
"""

import argparse
import fileinput
import sys

from list_tools import end_with_reader


def main() -> None:
    parser = argparse.ArgumentParser(prog="spk2utt_to_utt2spk.pl", description=__doc__)
    parser.add_argument("spk2utt", nargs="*", default=["-"], help="default: standard input")
    files = parser.parse_args().spk2utt
    end_with_reader()
    with fileinput.input(files, mode="rb") as lines:
        for line in lines:
            fields = line.split()
            if len(fields) < 2:
                where = f"{lines.filename()}:{lines.filelineno()}"
                sys.exit(
                    f"spk2utt_to_utt2spk.pl: {where}: "
                    f"expected 'speaker utterance ...', found {line!r}"
                )
            for utterance in fields[1:]:
                sys.stdout.buffer.write(utterance + b" " + fields[0] + b"\n")


if __name__ == "__main__":
    main()
