"""Weights of clips, so that rare classes are drawn about as often as frequent ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

OFFSET = 0.01


def class_balanced_weights(utt2label: Mapping[str, str], offset: float = OFFSET) -> dict[str, str]:
    """Return utt2weight: the sum over a clip's labels of 1000 / (clips of the class + offset).

    This is the formula of AST and Audio-MAE (algorithm.md 2.6); an offset of 100, as in M2D, lets
    the rarest classes weigh less.

    Args:
        utt2label: labels of each utterance, at least one, as in the file
        offset: clips added to the count of every class
    """
    clips: Counter[str] = Counter()
    combinations = Counter(utt2label.values())  # few, for millions of clips
    for labels, number in combinations.items():
        for label in labels.split():
            clips[label] += number
    weight = {
        labels: f"{sum(1000 / (clips[label] + offset) for label in labels.split()):.6g}"
        for labels in combinations
    }
    return {utterance: weight[labels] for utterance, labels in utt2label.items()}
