"""Settings of `asda units` (typed configuration, no torch import)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from asda.text.text_rules import TextRules


@dataclass
class UnitsConfig:
    """Train the units of recognition, a sentencepiece model, on transcripts.

    A folder that already holds units of the same settings and texts is left as it is.

    Args:
        text: data directories with `text`, or text files with one sentence or word per line;
            several are separated by spaces
        out: folder to write: units.model, units.txt (a piece per line), units.yaml
        kind: what the units are: "unigram" and "bpe" are parts of words of two kinds, "char" single
            characters, "word" whole words
        size: number of units, with blank and unknown; required for unigram and bpe, and null for
            char and word, which have all characters or words of the texts
        rules: normalisation of the texts
    """

    text: str
    out: str
    kind: Literal["unigram", "bpe", "char", "word"] = "unigram"
    size: int | None = None
    rules: TextRules = field(default_factory=TextRules)

    def __post_init__(self) -> None:
        subwords = self.kind in ("unigram", "bpe")
        if subwords and self.size is None:
            raise ValueError(f"size: the number of units is needed for {self.kind}")
        if not subwords and self.size is not None:
            raise ValueError(f"size: the texts tell the number of {self.kind} units; leave it out")
        if self.size is not None and self.size < 3:
            raise ValueError(f"size must be at least 3, not {self.size}")
