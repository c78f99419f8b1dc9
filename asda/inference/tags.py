"""Labels of clips with their scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from asda.files import InputError
from asda.model.heads import combined_windows


@dataclass(frozen=True, slots=True)
class Tag:
    """A label of a clip.

    Args:
        label: name of the class
        index: of the class, from 0
        score: its probability
    """

    label: str
    index: int
    score: float


def probabilities(outputs: Tensor, output: str) -> Tensor:
    """Return the probability of each class, of the same shape.

    Args:
        outputs: of a head (..., classes)
        output: their meaning, as in `SavedModel.output`

    Raises:
        InputError: if the outputs are not scores of classes.
    """
    if output == "softmax":
        return outputs.softmax(-1)
    if output == "sigmoid":
        return outputs.sigmoid()
    raise InputError(f"the model's output is {output}, not scores of classes; it cannot tag")


def clip_scores(windows: Sequence[Tensor], output: str) -> Tensor:
    """Return the scores (classes,) of a clip: the mean probabilities of its windows.

    Args:
        windows: outputs of a head for each window (classes,)
        output: their meaning, as in `SavedModel.output`

    Raises:
        InputError: as `probabilities`.
    """
    return probabilities(combined_windows(torch.stack(list(windows)), output), output)


def best_tags(scores: Tensor, labels: Sequence[str], top: int | None) -> list[Tag]:
    """Return the labels with the highest scores, best first.

    Args:
        scores: (classes,) probabilities
        labels: of the classes, in order
        top: how many; None = all
    """
    order = scores.argsort(descending=True, stable=True)[:top].tolist()
    return [Tag(labels[index], index, float(scores[index])) for index in order]
