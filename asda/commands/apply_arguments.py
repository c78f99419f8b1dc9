"""Arguments that `asda tag` and `asda embed` share."""

from __future__ import annotations

import argparse

INPUT = "audio files, folders of them, Kaldi data directories, or - for standard input"


def add_inputs(parser: argparse.ArgumentParser) -> None:
    """Add the model and the inputs."""
    parser.add_argument("model", help="model.pt, or another model file that `asda info` reads")
    parser.add_argument("inputs", nargs="+", metavar="input", help=INPUT)


def add_computing(parser: argparse.ArgumentParser) -> None:
    """Add windows, and on what and how the network is computed."""
    add = parser.add_argument
    add("--window", type=float, metavar="SECONDS", help="divide recordings into windows")
    add(
        "--hop",
        type=float,
        metavar="SECONDS",
        help="from the start of a window to that of the next (default: half a window)",
    )
    add("--device", default="auto", help="auto (a GPU if there is one), cpu or cuda")
    add("--precision", choices=("float32", "bf16", "fp16"), default="float32")
    add("--batch-size", type=int, metavar="N", help="windows that are computed together")
    add("--threads", type=int, default=0, metavar="N", help="CPU threads (default: all cores)")


def words_of(argv: list[str]) -> list[str]:
    """Return the words with dashes in the names of options, which other commands accept too."""
    words = []
    for word in argv:
        name, equals, value = word.partition("=")
        words.append(name.replace("_", "-") + equals + value if word.startswith("--") else word)
    return words
