"""`asda tag`: label audio with a trained classifier."""

from __future__ import annotations

import argparse

from asda.apply.apply_options import TagOptions
from asda.commands.apply_arguments import add_computing, add_inputs, words_of

FORMATS = ("table", "jsonl", "csv", "audacity", "raven")


def main(argv: list[str]) -> None:
    options = TagOptions(**vars(_parser().parse_intermixed_args(words_of(argv))))
    from asda.apply.tag_command import tag_files

    tag_files(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="asda tag",
        description="Label audio with a trained classifier. Features are computed as the model file"
        " states; no labels are needed.",
        epilog="With --window, each window is labelled; with --window and --threshold, overlapping"
        " windows are merged into segments of each label. An output file is written when all inputs"
        " are done; the same call then, or after an interruption, skips those that are done.",
        allow_abbrev=False,
    )
    add_inputs(parser)
    add = parser.add_argument
    add(
        "--also",
        action="append",
        default=[],
        metavar="MODEL",
        help="a further classifier (repeatable); equal encoders are computed once",
    )
    add(
        "--format",
        choices=FORMATS,
        help="default: by the suffix of --out; else a table on a terminal and jsonl elsewhere",
    )
    add(
        "--out",
        metavar="FILE|FOLDER",
        help="a file, or for audacity and raven a folder with a file for each input",
    )
    add("--top", type=int, metavar="N", help="the N best labels; 0 = all (default: 5)")
    add(
        "--threshold",
        metavar="SCORE|FILE",
        help="only labels with at least this score; a file, as asda score writes it, has one for"
        " each label",
    )
    add_computing(parser)
    return parser
