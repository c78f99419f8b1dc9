#!/usr/bin/env python3
"""Invert utt2spk: print one line per speaker, in order of appearance, with its utterances.

Usage: utt2spk_to_spk2utt.pl [utt2spk] > spk2utt      (default: standard input)
"""

import argparse
import fileinput
import sys

from list_tools import end_with_reader


def main() -> None:
    parser = argparse.ArgumentParser(prog="utt2spk_to_spk2utt.pl", description=__doc__)
    parser.add_argument("utt2spk", nargs="*", default=["-"], help="default: standard input")
    files = parser.parse_args().utt2spk
    end_with_reader()
    spk2utt: dict[bytes, list[bytes]] = {}
    with fileinput.input(files, mode="rb") as lines:
        for line in lines:
            fields = line.split()
            if len(fields) != 2:
                where = f"{lines.filename()}:{lines.filelineno()}"
                sys.exit(
                    f"utt2spk_to_spk2utt.pl: {where}: expected 'utterance speaker', found {line!r}"
                )
            spk2utt.setdefault(fields[1], []).append(fields[0])
    for speaker, utterances in spk2utt.items():
        sys.stdout.buffer.write(b" ".join([speaker, *utterances]) + b"\n")


if __name__ == "__main__":
    main()
