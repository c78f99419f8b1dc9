"""Loss and metric of a classifier, chosen by the labels."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from asda.corpus.datadir import DataDir
from asda.dataset.label_counts import LabelCounts, count_labels, refuse_equal_labels
from asda.files import InputError
from asda.training.run_config import ClassifierConfig, FinetuneConfig


def decided_classifier(config: FinetuneConfig, begun: FinetuneConfig | None) -> ClassifierConfig:
    """Return the classifier's settings with a loss and a metric that fit the labels.

    If the data of a begun run were deleted, both are those of the run.

    Raises:
        InputError: if there is nothing to learn from the labels, or settings do not fit them.
    """
    classifier = config.classifier
    loss, metric = classifier.loss, classifier.metric or "auto"
    try:
        sets = [count_labels(DataDir(name)) for name in (config.train, config.valid) if name]
    except InputError:
        if begun is None:
            raise
        loss = begun.classifier.loss if loss == "auto" else loss
        metric = begun.classifier.metric or metric if metric == "auto" else metric
        return dataclasses.replace(classifier, loss=loss, metric=metric)
    refuse_equal_labels(sets[0])
    one_each = all(counts.one_each for counts in sets)
    if loss == "auto":
        loss = "cross_entropy" if one_each else "bce"
    if metric == "auto":
        metric = "accuracy" if one_each else "mAP"
    _check(sets, loss, metric, classifier.label_smoothing)
    return dataclasses.replace(classifier, loss=loss, metric=metric)


def _check(sets: Sequence[LabelCounts], loss: str, metric: str, smoothing: float) -> None:
    """Refuse settings for one label per clip where clips have another number of labels.

    Args:
        sets: the labels of the training and, if there is one, of the validation set
        loss, metric, smoothing: settings of the classifier
    """
    others = [counts for counts in sets if not counts.one_each]
    for setting, counted in (
        ("loss cross_entropy" if loss == "cross_entropy" else "", others),
        ("label_smoothing" if smoothing else "", others),
        ("metric accuracy" if metric == "accuracy" else "", [c for c in others if c in sets[1:]]),
    ):
        if setting and counted:
            remedy = {"metric accuracy": "use mAP", "label_smoothing": "set it to 0"}
            raise InputError(
                f"{counted[0].path}: classifier.{setting} needs one label per clip, but"
                f" {counted[0].others()}: {remedy.get(setting, 'use bce')}"
            )
