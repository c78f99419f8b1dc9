"""Settings of decoding (typed configuration, no torch import)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from asda.unread_settings import not_with, only_with


@dataclass
class DecodingConfig:
    """How the outputs of a CTC head become units.

    Args:
        method: "greedy" takes the best unit of each step; "beam" adds up the probabilities of all
            paths that spell the same units (prefix beam search)
        beam: largest number of unit sequences that are kept from step to step
        prune: a sequence is not continued by a unit if this would take its score more than `prune`,
            in natural logarithms, below the best sequence continued by the best unit of the step
        lm: n-gram language model for the method beam: an ARPA file, for example of `asda ngram`, or
            a binary of KenLM (null = none)
        lm_of: tokens of this n-gram: the "words" of the text, or the "units" of the model
        lm_weight: factor by which the natural-log probabilities of the n-gram are multiplied
        word_bonus: number that is added to the natural-log score for each word, since an n-gram
            prefers few words
    """

    method: Literal["greedy", "beam"] = "greedy"
    beam: int = only_with(16, method="beam")
    prune: float = only_with(6.0, method="beam")
    lm: str | None = None
    lm_of: Literal["words", "units"] = not_with("words", lm=None)
    lm_weight: float = not_with(0.5, lm=None)
    word_bonus: float = only_with(0.0, method="beam")

    def __post_init__(self) -> None:
        if self.beam < 1:
            raise ValueError(f"beam must be at least 1, not {self.beam}")
        for name in ("prune", "lm_weight"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must not be negative, not {getattr(self, name)}")
        if self.lm is not None and self.method == "greedy":
            raise ValueError("lm needs the decoding method beam; greedy decoding uses no n-gram")
