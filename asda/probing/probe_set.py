"""Labelled clips that probes are trained on or scored on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from asda.probing.clip_embeddings import ClipEmbeddings
from asda.scoring.metrics import is_single_label

HELD_OUT = 0.2  # part of the training clips that settings are chosen on without a validation set


class ProbeSet(NamedTuple):
    """Clips with their embeddings and labels.

    Args:
        embeddings: of the data directory
        targets: of the clips in `rows` (clips, classes) uint8, 0/1
        rows: which clips of the data directory these are, (clips,) int64
    """

    embeddings: ClipEmbeddings
    targets: np.ndarray
    rows: np.ndarray

    @property
    def utterances(self) -> np.ndarray:
        return np.array(self.embeddings.utterances)[self.rows]

    def select(self, chosen: np.ndarray) -> ProbeSet:
        """Return the clips at `chosen`, indices into this set."""
        return ProbeSet(self.embeddings, self.targets[chosen], self.rows[chosen])


class ProbeSets(NamedTuple):
    """The clips of all data directories.

    Args:
        train: clips to train on
        test: clips to score
        valid: clips to choose settings on; None = a part of the training clips
        labels: names of the classes, in order
    """

    train: ProbeSet
    test: ProbeSet
    valid: ProbeSet | None
    labels: list[str]


def held_out(train: ProbeSet, seed: int) -> tuple[ProbeSet, ProbeSet]:
    """Return training clips in two parts: those to train on, and those to choose settings on.

    A fifth is held out: of each class if clips have one label each, else of all clips. It is at
    least one clip, unless there is only one.

    Args:
        train: the clips
        seed: the same seed holds out the same clips
    """
    rng = np.random.default_rng(seed)
    one_label = is_single_label(train.targets)
    group = train.targets.argmax(axis=1) if one_label else np.zeros(len(train.rows), np.int64)
    chosen = np.zeros(len(train.rows), bool)
    for number in np.unique(group):
        clips = rng.permutation(np.flatnonzero(group == number))
        chosen[clips[: max(round(HELD_OUT * len(clips)), int(len(clips) > 1))]] = True
    return train.select(np.flatnonzero(~chosen)), train.select(np.flatnonzero(chosen))


def drawn(train: ProbeSet, count: int, seed: int, draw: int) -> ProbeSet:
    """Return training clips that are drawn at random so that each class has at least `count`.

    A class that has fewer keeps all. Clips with several labels count for each of them, so classes
    may have more than `count`.

    Args:
        train: the clips
        count: clips per class
        seed: of all draws
        draw: number of the draw
    """
    rng = np.random.default_rng([seed, count, draw])
    order = rng.permutation(len(train.rows))
    have = np.zeros(train.targets.shape[1], np.int64)
    chosen = []
    for clip in order:
        own = train.targets[clip].astype(bool)
        if (have[own] < count).any():
            chosen.append(clip)
            have += own
    return train.select(np.sort(np.array(chosen, np.int64)))
