"""`asda ngram`: estimate an n-gram language model for decoding."""

from __future__ import annotations

from asda.command_line import run_cli
from asda.text.ngram_config import NgramConfig


def main(argv: list[str]) -> None:
    config = run_cli(NgramConfig, argv, "asda ngram")
    from asda.text.ngram_training import train_ngram

    train_ngram(config)
