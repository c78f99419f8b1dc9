"""`asda tag`: label audio with a trained classifier."""

from __future__ import annotations

import argparse

from asda.apply.apply_options import TagOptions
from asda.commands.apply_arguments import (
    DONE_BEFORE,
    add_computing,
    add_inputs,
    add_windows,
    words_of,
)

FORMATS = ("table", "jsonl", "csv", "audacity", "raven")


def main(argv: list[str]) -> None:
    options = TagOptions(**vars(_parser().parse_intermixed_args(words_of(argv))))
    from asda.apply.tag_command import tag_files

    tag_files(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="asda tag",
        description="Label audio with a trained classifier. The model file says how features are"
        " computed; the audio needs no labels.",
        epilog="With --window, every window gets labels of its own; with --window and --threshold,"
        f" overlapping windows are merged into segments of each label. {DONE_BEFORE}",
        allow_abbrev=False,
    )
    add_inputs(parser)
    text = "a further classifier, whose labels are added (can be repeated); classifiers with equal"
    text += " encoders share one pass"
    parser.add_argument("--also", action="append", default=[], metavar="MODEL", help=text)
    _add_output(parser)
    add_windows(parser)
    add_computing(parser)
    return parser


def _add_output(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    text = "format of the labels (default: that of the suffix of --out; without --out, table on a"
    text += " terminal and jsonl elsewhere)"
    add("--format", choices=FORMATS, help=text)
    text = "file to write; for audacity and raven a folder, with a file for each input"
    add("--out", metavar="FILE|FOLDER", help=text)
    text = "give the N best labels; 0 = all (default: 5, or all with --threshold)"
    add("--top", type=int, metavar="N", help=text)
    text = "give only labels with at least this score; a file, as asda score writes it, has a"
    text += " threshold for each label"
    add("--threshold", metavar="SCORE|FILE", help=text)
