"""Probes on one vector per clip: logistic regression and nearest neighbours."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from asda.model.model_config import Pooling
from asda.probing.probe_set import ProbeSet
from asda.probing.probes import Fitted, Probe, Settings

PENALTIES = (0.001, 0.01, 0.1, 1.0, 10.0, 100.0)  # C of scikit-learn: lower is stronger
NEIGHBOURS = (1, 3, 5, 10, 20, 50)
TEMPERATURE = 0.07


class Vectors:
    """Which vector of a clip a probe sees.

    Args:
        layers: numbers of the layers, whose vectors are concatenated
        pooling: of their tokens
    """

    def __init__(self, layers: Sequence[int], pooling: Pooling):
        self.layers, self.pooling = layers, pooling

    def __call__(self, clips: ProbeSet) -> np.ndarray:
        """Return (clips, width) float32."""
        return clips.embeddings.vectors(clips.rows, self.layers, self.pooling)


class LogisticProbe(Probe):
    """Logistic regression on standardised vectors, for clips with one label each.

    Its only setting is the weight of the L2 penalty, 1 / C.

    Args:
        vectors: what it sees
    """

    description = "logistic regression on standardised vectors"

    def __init__(self, vectors: Vectors):
        self.vectors = vectors

    def choices(self, train: ProbeSet) -> list[Settings]:
        return [{"C": penalty} for penalty in PENALTIES]

    def fit(self, train: ProbeSet, settings: Settings) -> Fitted:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        regression = LogisticRegression(C=settings["C"], max_iter=1000)
        classifier = make_pipeline(StandardScaler(), regression)
        with warnings.catch_warnings():
            # A weak penalty may need more steps than it gets; how well it does then is measured.
            warnings.simplefilter("ignore", ConvergenceWarning)
            classifier.fit(self.vectors(train), train.targets.argmax(axis=1))
        return _Classifier(classifier, self.vectors)


class _Classifier(Fitted):
    def __init__(self, classifier: Any, vectors: Vectors):
        self.classifier, self.vectors = classifier, vectors

    def probabilities(self, clips: ProbeSet) -> np.ndarray:
        found = np.zeros(clips.targets.shape, np.float32)
        # A class without training clips has the probability 0.
        found[:, self.classifier.classes_] = self.classifier.predict_proba(self.vectors(clips))
        return found


class NeighbourProbe(Probe):
    """k nearest neighbours by cosine similarity, which vote for their labels.

    A vote weighs exp(similarity / 0.07), as in Wu et al. 2018 and DINO (Caron et al. 2021). Its
    only setting is k.

    Args:
        vectors: what it sees
    """

    description = "nearest neighbours by cosine similarity"

    def __init__(self, vectors: Vectors):
        self.vectors = vectors

    def choices(self, train: ProbeSet) -> list[Settings]:
        return [{"k": count} for count in NEIGHBOURS if count <= len(train.rows)]

    def fit(self, train: ProbeSet, settings: Settings) -> Fitted:
        from sklearn.neighbors import NearestNeighbors

        search = NearestNeighbors(n_neighbors=settings["k"], metric="cosine")
        return _Neighbours(search.fit(self.vectors(train)), train.targets, self.vectors)


class _Neighbours(Fitted):
    def __init__(self, search: Any, targets: np.ndarray, vectors: Vectors):
        self.search, self.targets, self.vectors = search, targets, vectors

    def probabilities(self, clips: ProbeSet) -> np.ndarray:
        distance, index = self.search.kneighbors(self.vectors(clips))
        weight = np.exp((distance.min(axis=1, keepdims=True) - distance) / TEMPERATURE)
        weight /= weight.sum(axis=1, keepdims=True)
        votes: np.ndarray = np.einsum("ck,ckl->cl", weight, self.targets[index])
        return votes.astype(np.float32)
