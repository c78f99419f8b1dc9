"""What a probe is, and how its settings are chosen."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np

from asda.files import InputError
from asda.probing.probe_set import ProbeSet, held_out
from asda.scoring.metrics import is_single_label, measure
from asda.scoring.predictions import ScoredClips

Settings = dict[str, Any]


class Fitted(ABC):
    """A trained probe."""

    @abstractmethod
    def probabilities(self, clips: ProbeSet) -> np.ndarray:
        """Return the probability of each class, (clips, classes) float32."""


class Probe(ABC):
    """A kind of classifier on embeddings, with settings that are chosen on other clips."""

    description: str  # of the classifier, for result.json

    @abstractmethod
    def choices(self, train: ProbeSet) -> list[Settings]:
        """Return the settings that are tried for these training clips."""

    @abstractmethod
    def fit(self, train: ProbeSet, settings: Settings) -> Fitted:
        """Return a probe that was trained with fixed settings."""


class Chosen(NamedTuple):
    """A trained probe with the best settings.

    Attributes:
        fitted: the probe
        settings: that were chosen
        metric: by which they were chosen
        value: of the metric on the clips that they were chosen on
        clips: number of these
    """

    fitted: Fitted
    settings: Settings
    metric: str
    value: float
    clips: int


def choose(probe: Probe, train: ProbeSet, valid: ProbeSet | None, seed: int) -> Chosen:
    """Return a probe trained with the best of its settings.

    The best settings have the best accuracy if every clip has one label, else the best mAP; the
    lower loss decides between equals.

    Args:
        probe: the probe
        train: clips to train on
        valid: clips to choose on; None = clips that are held out of `train`, and on all of which
            the chosen probe is then trained
        seed: of the held-out clips

    Raises:
        InputError: if there are too few clips to hold some out.
    """
    fitted_on, chosen_on = (train, valid) if valid is not None else held_out(train, seed)
    if not len(chosen_on.rows):
        raise InputError(
            "one training clip per class leaves none to choose the settings of a probe on; give"
            " --valid, or more clips"
        )
    fits = ((settings, probe.fit(fitted_on, settings)) for settings in probe.choices(fitted_on))
    measured = ((quality(fitted, chosen_on), settings, fitted) for settings, fitted in fits)
    (value, _), settings, fitted = max(measured, key=lambda one: one[0])
    if valid is None:
        fitted = probe.fit(train, settings)
    return Chosen(fitted, settings, metric_of(chosen_on.targets), value, len(chosen_on.rows))


def scored_by(chosen: Chosen, test: ProbeSet, labels: list[str]) -> ScoredClips:
    """Return the scores that a trained probe gives test clips."""
    scores = chosen.fitted.probabilities(test)
    return ScoredClips(test.utterances, scores, test.targets, np.array(labels), "probability")


def metric_of(targets: np.ndarray) -> str:
    """Return the metric by which settings are chosen."""
    return "accuracy" if is_single_label(targets) else "mAP"


def quality(fitted: Fitted, clips: ProbeSet) -> tuple[float, float]:
    """Return the metric of a probe on clips, and its negative loss."""
    return quality_of(fitted.probabilities(clips), clips.targets)


def quality_of(probabilities: np.ndarray, targets: np.ndarray) -> tuple[float, float]:
    """Return the metric of probabilities (clips, classes), and their negative loss.

    The metric is -1 where it is not defined, as mAP without a positive clip.
    """
    metric = metric_of(targets)
    value = measure(probabilities, targets)[metric]
    clipped = np.clip(probabilities.astype(np.float64), 1e-12, 1 - 1e-12)
    likelihood = np.log(np.where(targets, clipped, 1.0 if metric == "accuracy" else 1 - clipped))
    return -1.0 if np.isnan(value) else value, float(likelihood.sum(axis=1).mean())
