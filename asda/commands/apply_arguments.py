"""Arguments that `asda tag`, `asda embed` and `asda transcribe` share."""

from __future__ import annotations

import argparse

MODEL = "model.pt, another model file that `asda info` reads, or a name that `asda models` lists"
INPUT = "audio file, folder of audio, Kaldi data directory, or - for standard input"
DONE_BEFORE = (
    "The output file is written once all inputs are done. A repeated call skips the inputs that are"
    " already done, also after an interruption."
)


def add_inputs(parser: argparse.ArgumentParser) -> None:
    """Add the model and the inputs."""
    parser.add_argument("model", help=MODEL)
    parser.add_argument("inputs", nargs="+", metavar="input", help=INPUT)


def add_windows(parser: argparse.ArgumentParser) -> None:
    """Add the options that divide recordings into windows, each with its own result."""
    add = parser.add_argument
    text = "divide recordings into windows of this length"
    add("--window", type=float, metavar="SECONDS", help=text)
    text = "time from the start of a window to the start of the next (default: half a window)"
    add("--hop", type=float, metavar="SECONDS", help=text)


def add_computing(parser: argparse.ArgumentParser) -> None:
    """Add the device, precision, batch size and threads of the network."""
    add = parser.add_argument
    text = "auto (a GPU if there is one), cpu or cuda (default: auto)"
    add("--device", default="auto", help=text)
    text = "number format of the network's computation (default: float32)"
    add("--precision", choices=("float32", "bf16", "fp16"), default="float32", help=text)
    text = "windows per batch (default: chosen for the device)"
    add("--batch-size", type=int, metavar="N", help=text)
    add("--threads", type=int, default=0, metavar="N", help="CPU threads (default: all cores)")


def words_of(argv: list[str]) -> list[str]:
    """Return the words with dashes in the names of options, which other commands accept too."""
    words = []
    for word in argv:
        name, equals, value = word.partition("=")
        words.append(name.replace("_", "-") + equals + value if word.startswith("--") else word)
    return words
