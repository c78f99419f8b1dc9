"""Scores of a classifier: each clip, each class, and the true labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from asda.scoring.metrics import ClassificationMetrics
from asda.scoring.scored_set import ScoredSet, refuse_unmeasurable


@dataclass
class ScoredClips(ScoredSet):
    """A classifier's scores of clips, and the true labels.

    Args:
        utterances: (clips,) str
        scores: (clips, classes) float32, comparable between clips (see ClassificationMetrics)
        targets: (clips, classes) uint8, 0/1
        labels: (classes,) str, in class order

    Raises:
        InputError: if there are no clips, or scores that are not finite numbers.
        ValueError: if the shapes do not match.
    """

    kind = "classification"
    per_clip = ("utterances", "scores", "targets")
    columns_name = "label list"

    utterances: np.ndarray
    scores: np.ndarray
    targets: np.ndarray
    labels: np.ndarray

    def __post_init__(self) -> None:
        shape = (len(self.utterances), len(self.labels))
        if self.scores.shape != shape or self.targets.shape != shape:
            raise ValueError(
                f"{shape[0]} utterances and {shape[1]} labels, but scores {self.scores.shape} "
                f"and targets {self.targets.shape}"
            )
        refuse_unmeasurable(self.utterances, self.scores, "scores")

    @property
    def columns(self) -> list[str]:
        return [str(label) for label in self.labels]

    def same_truth(self, other: ScoredClips) -> np.ndarray:
        same: np.ndarray = (self.targets == other.targets).all(axis=1)
        return same

    def measurable(self) -> ClassificationMetrics:
        return ClassificationMetrics(self.scores, self.targets)

    def arrays(self) -> dict[str, np.ndarray]:
        return {name: getattr(self, name) for name in (*self.per_clip, "labels")}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> ScoredClips:
        return cls(*(arrays[name] for name in (*cls.per_clip, "labels")))
