"""`asda embed`: embeddings of audio by a trained encoder."""

from __future__ import annotations

import argparse

from asda.apply.apply_options import EmbedOptions
from asda.commands.apply_arguments import (
    DONE_BEFORE,
    add_computing,
    add_inputs,
    add_windows,
    words_of,
)


def main(argv: list[str]) -> None:
    options = EmbedOptions(**vars(_parser().parse_intermixed_args(words_of(argv))))
    from asda.apply.embed_command import embed_files

    embed_files(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="asda embed",
        description="Write embeddings of audio: one vector for each clip or each window, or frame"
        " embeddings.",
        epilog=DONE_BEFORE,
        allow_abbrev=False,
    )
    add_inputs(parser)
    add = parser.add_argument
    text = "file to write: *.npz, *.h5 (which needs h5py), or *.ark, which gets a *.scp beside it"
    add("--out", required=True, metavar="FILE", help=text)
    text = "how the tokens of a layer become one vector (default: as in the classifier; mean for an"
    text += " encoder)"
    add("--pooling", choices=("cls", "mean", "statistics"), help=text)
    text = "a layer (0 = the patch embeddings, -1 = the last), several that are concatenated"
    text += " (0,6,12), or a weighted sum (6:0.5,12:0.5) (default: -1)"
    add("--layers", default="-1", help=text)
    text = "write frame embeddings, which are vectors over time"
    add("--frames", action="store_true", help=text)
    add_windows(parser)
    add_computing(parser)
    return parser
