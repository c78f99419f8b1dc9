"""Baselines on band statistics, which a trained encoder must surpass."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from asda.corpus.datadir import DataDir
from asda.dataset.clips import Clips
from asda.dataset.data_config import DataConfig
from asda.dataset.feature_sources import FeatureInput
from asda.dataset.label_counts import count_labels, refuse_equal_labels
from asda.dataset.targets import MultiHot
from asda.features.matrix import read
from asda.files import InputError
from asda.scoring.clip_tables import audio_files
from asda.scoring.metrics import is_single_label
from asda.scoring.predictions import ScoredClips
from asda.scoring.result_files import result_line, write_results
from asda.scoring.score_config import BaselineConfig
from asda.scoring.score_facts import untrained_classes

SEED = 0


class Statistics(NamedTuple):
    """Clips of a data directory as the baselines see them.

    Args:
        clips: the clips
        targets: (clips, classes) uint8, 0/1
        features: (clips, 2 mel) float64, see band_statistics
    """

    clips: Clips
    targets: np.ndarray
    features: np.ndarray


def score_baselines(config: BaselineConfig) -> None:
    """Train the baselines, write their results and print them in a line each.

    Raises:
        InputError: if all training clips have the same labels, or features differ in their bins.
    """
    labels = DataDir(config.train).labels
    if reason := _too_many(config, labels):
        print(f"{config.out}: no baselines are trained: {reason}")
        return
    train, test, valid = _read_sets(config, labels)
    untrained = np.array(labels)[train.targets.sum(axis=0) == 0].tolist()
    single_label = is_single_label(train.targets)
    sources = audio_files(config.test)
    for name, classifier in _classifiers(single_label).items():
        _fit(classifier, train, single_label)
        scored = _scored(classifier, test, labels, single_label)
        found = _scored(classifier, valid, labels, single_label) if valid else None
        folder = Path(config.out) / name / "score"
        result = write_results(
            folder,
            scored,
            _provenance(config, name, len(train.clips)),
            expected=test.clips.expected,
            sources=sources,
            validation=found and validation(found, scored, config.valid),
            **untrained_classes(untrained, scored),
        )
        print(result_line(folder, result))


def _too_many(config: BaselineConfig, labels: list[str]) -> str | None:
    """Return why the baselines would take too long; None if they would not."""
    if not config.limit:
        return None
    directory = DataDir(config.train)
    several = not count_labels(directory).one_each
    clips = len(directory.utterances)
    cost = clips * len(labels) if several else clips
    if cost <= config.limit:
        return None
    what = f"{clips} training clips"
    if several:
        what += f" times {len(labels)} classes, since clips have several labels,"
    return f"{what} exceed --limit {config.limit}; asda baseline without --limit trains them"


def _read_sets(
    config: BaselineConfig, labels: list[str]
) -> tuple[Statistics, Statistics, Statistics | None]:
    """Return the training, the test and the validation set, after checking that they fit."""
    source = FeatureInput(config.dump, config.fbank, config.max_bad, config.out)
    train, test = (_read(folder, source, labels) for folder in (config.train, config.test))
    valid = _read(config.valid, source, labels) if config.valid else None
    refuse_equal_labels(count_labels(DataDir(config.train), train.clips.utterances))
    for data in (test, valid):
        if data is not None:
            _refuse_other_bins(train, data)
    return train, test, valid


def _refuse_other_bins(train: Statistics, data: Statistics) -> None:
    found, expected = data.features.shape[1] // 2, train.features.shape[1] // 2
    if found != expected:
        raise InputError(
            f"{data.clips.directory.path}: features of {found} mel bins, but those of"
            f" {train.clips.directory.path} have {expected}; compute both with the same settings"
        )


def _provenance(config: BaselineConfig, name: str, clips: int) -> dict[str, Any]:
    return {
        "data": config.test,
        "model": name.replace("_", " "),
        "trained on": config.train,
        "training clips": clips,
        "features": "mean and standard deviation of each mel band over frames",
        "seed": SEED,
        "selection": "none: fixed settings",
    }


def validation(found: ScoredClips, scored: ScoredClips, folder: str | None) -> dict[str, Any]:
    """Return the result on a validation set, in the metric that the test set is ranked by.

    Args:
        found: the validation clips
        scored: the test clips
        folder: data directory of the validation clips
    """
    metric = scored.measurable().main
    value = found.measurable().measure().get(metric)
    return {"data": folder, "metric": metric, "value": None if value is None else float(value[0])}


def band_statistics(log_mel: np.ndarray) -> np.ndarray:
    """Return mean and standard deviation over frames of each band, (2 mel,) float64.

    Args:
        log_mel: (frames, mel)
    """
    log_mel = log_mel.astype(np.float64)
    return np.concatenate([log_mel.mean(axis=0), log_mel.std(axis=0)])


def _read(folder: str, features: FeatureInput, labels: list[str]) -> Statistics:
    target, source = MultiHot(DataDir(folder), labels), features.open(folder)
    clips = Clips(folder, source, DataConfig(min_frames=1), targets=[target])
    statistics = [band_statistics(read(source.features(u))) for u in clips.utterances]
    return Statistics(clips, target.matrix(clips.utterances), np.stack(statistics))


def _classifiers(single_label: bool) -> dict[str, Any]:
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    chosen = {
        "logistic_regression": make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)),
        # The forest is the same with any number of threads.
        "random_forest": RandomForestClassifier(
            500, random_state=SEED, n_jobs=torch.get_num_threads()
        ),
    }
    if single_label:
        return chosen
    return {name: OneVsRestClassifier(classifier) for name, classifier in chosen.items()}


def _fit(classifier: Any, train: Statistics, single_label: bool) -> None:
    if single_label:
        classifier.fit(train.features, train.targets.argmax(axis=1))
        return
    with warnings.catch_warnings():
        # A class that no training clip or every one has gets the probability 0 or 1.
        warnings.filterwarnings("ignore", "Label .* present in all", UserWarning)
        classifier.fit(train.features, train.targets)


def _scored(
    classifier: Any, data: Statistics, labels: list[str], single_label: bool
) -> ScoredClips:
    found = classifier.predict_proba(data.features).astype(np.float32)
    scores = np.zeros(data.targets.shape, dtype=np.float32)
    scores[:, classifier.classes_ if single_label else slice(None)] = found
    utterances = np.array(data.clips.utterances)
    return ScoredClips(utterances, scores, data.targets, np.array(labels), scale="probability")
