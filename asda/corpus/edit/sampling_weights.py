"""Sampling weights of clips that draw rare classes about as often as frequent ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

OFFSET = 0.01
NO_LABEL = ""  # stands for the class of clips without a label


def class_balanced_weights(utt2label: Mapping[str, str], offset: float = OFFSET) -> dict[str, str]:
    """Return utt2weight: the sum of 1000 / (clips of the class + offset) over a clip's labels.

    This is the formula of AST and Audio-MAE (docs/algorithm.md#sampling). A larger offset, such as
    100 in M2D, reduces the weight of the rarest classes. Clips without a label count as a class of
    their own.

    Args:
        utt2label: labels of each utterance as in the file, separated by spaces
        offset: number of clips added to the count of every class
    """
    clips: Counter[str] = Counter()
    # Millions of clips share few combinations of labels: count and weigh each of them once.
    combinations = Counter(utt2label.values())
    classes = {labels: labels.split() or [NO_LABEL] for labels in combinations}
    for labels, number in combinations.items():
        for label in classes[labels]:
            clips[label] += number
    weight = {
        labels: f"{sum(1000 / (clips[label] + offset) for label in classes[labels]):.6g}"
        for labels in combinations
    }
    return {utterance: weight[labels] for utterance, labels in utt2label.items()}
