"""Class-balanced weights: what is drawn by them."""

import numpy as np
import pytest

from asda.corpus.edit.sampling_weights import class_balanced_weights
from asda.dataset.sampling import TrainingBatches


def test_the_sum_over_labels_of_1000_by_clips_of_the_class():
    weights = class_balanced_weights({"a": "dog", "b": "dog rain", "c": "dog"}, offset=0)
    assert weights == {"a": "333.333", "b": "1333.33", "c": "333.333"}
    weights = class_balanced_weights({"a": "dog", "b": "rain", "c": "dog"})
    assert float(weights["b"]) == pytest.approx(1000 / 1.01, rel=1e-5)


def test_a_large_offset_evens_the_weights_out():
    labels = {f"dog{n}": "dog" for n in range(99)} | {"rain": "rain"}
    weights = class_balanced_weights(labels, offset=100)
    assert float(weights["rain"]) / float(weights["dog0"]) == pytest.approx(199 / 101, rel=1e-4)


def test_classes_are_drawn_equally_often():
    labels = {f"dog{n}": "dog" for n in range(5000)} | {f"rain{n}": "rain" for n in range(500)}
    weights = np.array([float(weight) for weight in class_balanced_weights(labels).values()])
    batches = TrainingBatches(np.ones(5500), 10, seed=1, weights=weights, draws=100)
    drawn = np.concatenate([batches.epoch(epoch).ravel() for epoch in range(20)])
    assert (drawn >= 5000).mean() == pytest.approx(0.5, abs=0.06)
