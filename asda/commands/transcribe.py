"""`asda transcribe`: what is said in audio, by a trained recogniser."""

from __future__ import annotations

import argparse
import dataclasses
from typing import Any

from asda.apply.transcribe_options import TranscribeOptions
from asda.commands.apply_arguments import DONE_BEFORE, add_computing, add_inputs, words_of
from asda.decoding.decoding_config import DecodingConfig
from asda.files import InputError
from asda.inference.transcription import PAUSE
from asda.unread_settings import refuse_unread

FORMATS = ("table", "jsonl", "srt", "vtt", "ctm", "text", "trn")


def main(argv: list[str]) -> None:
    values = vars(_parser().parse_intermixed_args(words_of(argv)))
    options = TranscribeOptions(decoding=_decoding(values), **values)
    from asda.apply.transcribe_command import transcribe_files

    transcribe_files(options)


def _decoding(values: dict[str, Any]) -> DecodingConfig:
    """Take the settings of decoding out of the options."""
    taken = {
        setting.name: values.pop(setting.name) for setting in dataclasses.fields(DecodingConfig)
    }
    try:
        config = DecodingConfig(**taken)
    except ValueError as error:
        raise InputError(f"{error}") from None
    refuse_unread(config)
    return config


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="asda transcribe",
        description="Write the words spoken in audio, with their times. Recordings may have any"
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
    default = DecodingConfig()

    def add(name: str, text: str, **options: Any) -> None:
        value = getattr(default, name)
        text += "" if value is None else f" (default: {value})"
        parser.add_argument(f"--{name.replace('_', '-')}", default=value, help=text, **options)

    text = "greedy takes the best unit of each step; beam searches for the most probable text, with"
    text += " an n-gram if there is one"
    add("method", text, choices=("greedy", "beam"))
    add("beam", "texts that the search keeps", type=int, metavar="N")
    text = "texts are not continued by a unit that takes their score by more than this below the"
    text += " best one (natural logarithm)"
    add("prune", text, type=float, metavar="X")
    text = "n-gram language model: an ARPA file, for example of asda ngram, or a binary of KenLM"
    add("lm", text, metavar="FILE")
    add("lm_of", "tokens of the n-gram", choices=("words", "units"))
    add("lm_weight", "factor of its natural-log probabilities", type=float, metavar="X")
    add("word_bonus", "added to the natural-log score for each word", type=float, metavar="X")
