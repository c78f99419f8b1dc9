"""Recognised utterances for tests."""

from __future__ import annotations

import numpy as np

from asda.scoring.recognition_scores import RecognitionScores

TEXT = "the cat sat on a mat привет мир 你好 世界 résumé one two three"
WORDS = TEXT.split()
KINDS = ["deletion", "substitution", "insertion", ""]


def recognised(
    rate: float = 0.3, clips: int = 40, speakers: int = 8, first: int = 0, seed: int = 0
) -> RecognitionScores:
    """Return utterances whose words are deleted, substituted or inserted at a rate in all.

    The references depend on `clips` and `first` alone. Languages alternate.
    """
    rng = np.random.default_rng((first, clips))
    references = [rng.choice(WORDS, rng.integers(1, 12)).tolist() for _ in range(clips)]
    rng = np.random.default_rng((seed, first))
    numbers = range(first, first + clips)
    return RecognitionScores(
        [f"utt{number:04d}" for number in numbers],
        [" ".join(words) for words in references],
        [_misheard(words, rate, rng) for words in references],
        [f"spk{number % speakers}" for number in numbers],
        [("en", "ru")[number % 2] for number in numbers],
    )


def _misheard(words: list[str], rate: float, rng: np.random.Generator) -> str:
    heard = []
    for word in words:
        kind = rng.choice(KINDS, p=[rate / 3] * 3 + [1 - rate])
        if kind != "deletion":
            heard.append(str(rng.choice(WORDS)) if kind == "substitution" else word)
        if kind == "insertion":
            heard.append("uh")
    return " ".join(heard)
