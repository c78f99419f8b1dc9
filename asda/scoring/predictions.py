"""Scores of a classifier: each clip, each class, and the true labels."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast, get_args

import numpy as np
from scipy.special import expit

from asda.scoring.metrics import ClassificationMetrics
from asda.scoring.scored_set import ScoredSet, refuse_unmeasurable

Scale = Literal["probability", "log_probability", "logit"]


@dataclass
class ScoredClips(ScoredSet):
    """A classifier's scores of clips, and the true labels.

    Args:
        utterances: (clips,) str
        scores: (clips, classes) float32, comparable between clips (see ClassificationMetrics)
        targets: (clips, classes) uint8, 0/1
        labels: (classes,) str, in class order
        scale: what the scores are: probabilities, their logarithms, or logits of a sigmoid

    Raises:
        InputError: if there are no clips, or scores that are not finite numbers.
        ValueError: if the shapes do not match, or the scale is unknown.
    """

    kind = "classification"
    per_clip = ("utterances", "scores", "targets")
    columns_name = "label list"

    utterances: np.ndarray
    scores: np.ndarray
    targets: np.ndarray
    labels: np.ndarray
    scale: Scale = "logit"

    def __post_init__(self) -> None:
        shape = (len(self.utterances), len(self.labels))
        if self.scores.shape != shape or self.targets.shape != shape:
            raise ValueError(
                f"{shape[0]} utterances and {shape[1]} labels, but scores {self.scores.shape} "
                f"and targets {self.targets.shape}"
            )
        if self.scale not in get_args(Scale):
            raise ValueError(f"scores on an unknown scale, '{self.scale}'")
        refuse_unmeasurable(self.utterances, self.scores, "scores")

    def probabilities(self) -> np.ndarray:
        """Return the probability of each class, (clips, classes) float64."""
        scores = self.scores.astype(np.float64)
        if self.scale == "logit":
            scores = expit(scores)
        elif self.scale == "log_probability":
            scores = np.exp(scores)
        return scores

    @property
    def columns(self) -> list[str]:
        return [str(label) for label in self.labels]

    def same_truth(self, other: ScoredClips) -> np.ndarray:
        same: np.ndarray = (self.targets == other.targets).all(axis=1)
        return same

    def measurable(self) -> ClassificationMetrics:
        return ClassificationMetrics(self.scores, self.targets)

    def arrays(self) -> dict[str, np.ndarray]:
        arrays = {name: getattr(self, name) for name in (*self.per_clip, "labels")}
        return arrays | {"scale": np.array(self.scale)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> ScoredClips:
        scores = arrays["scores"]
        scale = str(arrays["scale"]) if "scale" in arrays else _scale_of(scores)
        utterances, targets, labels = (arrays[n] for n in ("utterances", "targets", "labels"))
        return cls(utterances, scores, targets, labels, cast(Scale, scale))

    @classmethod
    def concatenate(cls, parts: Sequence[ScoredClips]) -> ScoredClips:
        if len({part.scale for part in parts}) > 1:
            parts = [part.on_common_scale() for part in parts]
        return super().concatenate(parts)

    def on_common_scale(self) -> ScoredClips:
        """Return the same clips with probabilities as their scores."""
        scores = self.probabilities().astype(np.float32)
        return dataclasses.replace(self, scores=scores, scale="probability")


def _scale_of(scores: np.ndarray) -> Scale:
    """Return the scale of scores from an older file, which does not name it.

    Args:
        scores: (clips, classes) float
    """
    if np.allclose(np.exp(scores, dtype=np.float64).sum(axis=1), 1, atol=1e-3):
        return "log_probability"
    return "probability" if scores.min() >= 0 and scores.max() <= 1 else "logit"
