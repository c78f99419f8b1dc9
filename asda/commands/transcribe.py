"""`asda transcribe`: what is said in audio, by a trained recogniser."""

from __future__ import annotations

import argparse
from typing import Any

from asda.apply.transcribe_options import TranscribeOptions
from asda.commands.apply_arguments import DONE_BEFORE, add_computing, add_inputs, words_of
from asda.decoding.decoding_config import DecodingConfig
from asda.files import InputError
from asda.inference.transcription import PAUSE

FORMATS = ("table", "jsonl", "srt", "vtt", "ctm", "text", "trn")
DECODING = ("method", "beam", "prune", "lm", "lm_of", "lm_weight", "word_bonus")


def main(argv: list[str]) -> None:
    values = vars(_parser().parse_intermixed_args(words_of(argv)))
    options = TranscribeOptions(decoding=_decoding(values), **values)
    from asda.apply.transcribe_command import transcribe_files

    transcribe_files(options)


def _decoding(values: dict[str, Any]) -> DecodingConfig:
    """Take the settings of decoding out of the options."""
    taken = {name: values.pop(name) for name in DECODING}
    try:
        return DecodingConfig(**{name: one for name, one in taken.items() if one is not None})
    except ValueError as error:
        raise InputError(f"{error}") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="asda transcribe",
        description="Write what is said in audio, with the times of words. Recordings may have any"
        " length.",
        epilog=DONE_BEFORE,
        allow_abbrev=False,
    )
    add_inputs(parser)
    add = parser.add_argument
    text = "format of the result (default: that of the suffix of --out; without --out, table on a"
    text += " terminal and jsonl elsewhere)"
    add("--format", choices=FORMATS, help=text)
    text = "file to write; for srt and vtt a folder, with a file for each input"
    add("--out", metavar="FILE|FOLDER", help=text)
    text = f"time without a word that ends a segment (default: {PAUSE:g})"
    add("--pause", type=float, default=PAUSE, metavar="SECONDS", help=text)
    _add_decoding(parser)
    add_computing(parser)
    return parser


def _add_decoding(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    text = "greedy takes the best unit of each step; beam searches for the most probable text, with"
    text += " an n-gram if there is one (default: greedy)"
    add("--method", choices=("greedy", "beam"), help=text)
    add("--beam", type=int, metavar="N", help="texts that the search keeps (default: 16)")
    text = "units that are less probable than a step's best one by this (natural logarithm) are not"
    text += " tried (default: 8)"
    add("--prune", type=float, metavar="X", help=text)
    text = "n-gram language model: an ARPA file, for example of asda ngram, or a binary of KenLM"
    add("--lm", metavar="FILE", help=text)
    text = "what the n-gram is about (default: words)"
    add("--lm-of", choices=("words", "units"), help=text)
    text = "factor of its natural-log probabilities (default: 0.5)"
    add("--lm-weight", type=float, metavar="X", help=text)
    text = "added to the natural-log score for each word (default: 0)"
    add("--word-bonus", type=float, metavar="X", help=text)
