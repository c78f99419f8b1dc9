"""Baselines on band statistics: what a trained encoder has to be better than."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from asda.corpus.datadir import DataDir
from asda.dataset.clips import Clips
from asda.dataset.data_config import DataConfig
from asda.dataset.feature_sources import FeatureInput
from asda.dataset.targets import MultiHot
from asda.features.matrix import read
from asda.scoring.metrics import is_single_label
from asda.scoring.predictions import ScoredClips
from asda.scoring.result_files import write_results
from asda.scoring.score_config import BaselineConfig

SEED = 0


def score_baselines(config: BaselineConfig) -> None:
    """Train the baselines and write their results."""
    labels = DataDir(config.train).labels
    source = FeatureInput(config.dump, config.fbank, config.max_bad, config.out)
    clips, targets, features = _read(config.train, source, labels)
    test_clips, test_targets, test_features = _read(config.test, source, labels)
    single_label = is_single_label(targets)
    for name, classifier in _classifiers(single_label).items():
        scores = _fit_and_score(classifier, features, targets, test_features, single_label)
        provenance = {
            "data": config.test,
            "model": name.replace("_", " "),
            "trained on": config.train,
            "training clips": len(clips),
            "features": "mean and standard deviation of each mel band over frames",
            "seed": SEED,
            "selection": "none: fixed settings",
        }
        write_results(
            Path(config.out) / name / "score",
            ScoredClips(np.array(test_clips.utterances), scores, test_targets, np.array(labels)),
            provenance,
            expected=test_clips.expected,
        )


def band_statistics(log_mel: np.ndarray) -> np.ndarray:
    """Return mean and standard deviation over frames of each band, (2 mel,) float64.

    Args:
        log_mel: (frames, mel)
    """
    log_mel = log_mel.astype(np.float64)
    return np.concatenate([log_mel.mean(axis=0), log_mel.std(axis=0)])


def _read(
    folder: str, features: FeatureInput, labels: list[str]
) -> tuple[Clips, np.ndarray, np.ndarray]:
    """Return the clips of a data directory, their labels and statistics (clips, 2 mel)."""
    target, source = MultiHot(DataDir(folder), labels), features.open(folder)
    clips = Clips(folder, source, DataConfig(min_frames=1), targets=[target])
    statistics = [band_statistics(read(source.features(u))) for u in clips.utterances]
    return clips, target.matrix(clips.utterances), np.stack(statistics)


def _classifiers(single_label: bool) -> dict[str, Any]:
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    chosen = {
        "logistic_regression": make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)),
        "random_forest": RandomForestClassifier(500, random_state=SEED),
    }
    if single_label:
        return chosen
    return {name: OneVsRestClassifier(classifier) for name, classifier in chosen.items()}


def _fit_and_score(
    classifier: Any,
    features: np.ndarray,
    targets: np.ndarray,
    test_features: np.ndarray,
    single_label: bool,
) -> np.ndarray:
    """Return the probability of each class, (test clips, classes) float32."""
    if single_label:
        classifier.fit(features, targets.argmax(axis=1))
        scores = np.zeros((len(test_features), targets.shape[1]), dtype=np.float32)
        scores[:, classifier.classes_] = classifier.predict_proba(test_features)
        return scores
    with warnings.catch_warnings():
        # A class that no training clip or every one has gets the probability 0 or 1.
        warnings.filterwarnings("ignore", "Label .* present in all", UserWarning)
        classifier.fit(features, targets)
    return classifier.predict_proba(test_features).astype(np.float32)
