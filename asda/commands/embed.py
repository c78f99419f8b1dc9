"""`asda embed`: vectors of audio by a trained encoder."""

from __future__ import annotations

import argparse

from asda.apply.apply_options import EmbedOptions
from asda.commands.apply_arguments import add_computing, add_inputs, words_of


def main(argv: list[str]) -> None:
    options = EmbedOptions(**vars(_parser().parse_intermixed_args(words_of(argv))))
    from asda.apply.embed_command import embed_files

    embed_files(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="asda embed",
        description="Write one vector for each clip, for each window, or vectors over time.",
        epilog="The output is written when all inputs are done; the same call then, or after an"
        " interruption, skips those that are done.",
        allow_abbrev=False,
    )
    add_inputs(parser)
    add = parser.add_argument
    add(
        "--out",
        required=True,
        metavar="FILE",
        help="*.npz, *.h5 (needs h5py), or *.ark, which is accompanied by *.scp",
    )
    add(
        "--pooling",
        choices=("cls", "mean", "statistics"),
        help="how a layer becomes one vector (default: as the classifier does; mean for encoders)",
    )
    add(
        "--layers",
        default="-1",
        help="a layer (0 = patch embeddings, -1 = the last), several to concatenate (0,6,12), or a"
        " weighted sum (6:0.5,12:0.5) (default: -1)",
    )
    add("--frames", action="store_true", help="vectors over time instead of one for each clip")
    add_computing(parser)
    return parser
