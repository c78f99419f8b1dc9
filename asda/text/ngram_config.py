"""Settings of `asda ngram` (typed configuration, no torch import)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass
class NgramConfig:
    """Estimate an n-gram language model for decoding, by interpolated Kneser-Ney smoothing.

    Args:
        text: data directories with `text`, or text files with one sentence per line; several are
            separated by spaces
        units: folder of the units (`asda units`), by whose rules the texts are normalised
        out: ARPA file to write
        of: tokens of the n-gram: the "words" of the texts, or the "units" of these words
        order: number of tokens of the longest n-gram, from 2 to 5
    """

    text: str
    units: str
    out: str
    of: Literal["words", "units"] = "words"
    order: int = 3

    def __post_init__(self) -> None:
        if not 2 <= self.order <= 5:
            raise ValueError(f"order must be from 2 to 5, which KenLM reads, not {self.order}")
