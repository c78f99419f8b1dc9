"""Visible patches and labels of clips: made, padded, refused."""

import numpy as np
import pytest
import torch
from dataset.directories import random_features, with_features

from asda.corpus.datadir import DataDir
from asda.dataset.targets import CheckedTarget, MultiHot, VisiblePatches
from asda.files import InputError
from asda.model.masking import sample_visible
from asda.model.model_config import ModelConfig, patch_grid

LABELS = "utt00 a\nutt01 b a\nutt02 b\nutt03 a\n"


@pytest.fixture
def directory(tmp_path):
    folder = with_features(tmp_path / "data", random_features([20] * 4))
    (folder / "utt2label").write_text(LABELS)
    return DataDir(folder)


def rng():
    return np.random.default_rng(0)


def test_visible_patches_are_drawn_for_the_length_of_the_clip():
    model = ModelConfig(mel_bins=16).resolved()
    target = VisiblePatches(model)
    drawn = target.of("utt", 64, rng())
    expected = sample_visible(*patch_grid(model, 64), model.num_masks, model.mask, rng())
    np.testing.assert_array_equal(drawn, expected)
    assert len(drawn) == model.num_masks


def test_missing_visible_patches_are_minus_one():
    target = VisiblePatches(ModelConfig(mel_bins=16).resolved())
    batch = target.pad([np.array([[5, 2, 0], [1, 3, 4]]), np.array([[1], [0]])])
    assert batch.dtype == torch.int64
    assert batch.tolist() == [[[5, 2, 0], [1, 3, 4]], [[1, -1, -1], [0, -1, -1]]]


def test_labels_have_the_order_of_the_model(directory):
    target = MultiHot(directory, ["c", "b", "a"])
    row = target.of("utt01", 20, rng())
    assert row.tolist() == [0, 1, 1] and row.dtype == np.float32
    assert target.pad([row, target.of("utt02", 20, rng())]).tolist() == [[0, 1, 1], [0, 1, 0]]
    matrix = target.matrix(["utt03", "utt01", "utt02"])
    assert matrix.dtype == np.uint8
    assert matrix.tolist() == [[0, 0, 1], [0, 1, 1], [0, 1, 0]]


def test_labels_that_the_model_does_not_know_are_refused(directory):
    target = MultiHot(directory, ["a", "c"])
    assert isinstance(target, CheckedTarget)
    target.check(["utt00", "utt03"])
    for refuse in (target.check, target.matrix):
        with pytest.raises(InputError, match=r"utt2label: 1 clips have .*\(b; first: utt01\)"):
            refuse(["utt00", "utt01"])


def test_clips_without_labels_are_refused(directory):
    with pytest.raises(InputError, match=r"utt2label: no line for 1 of 2 clips \(first: utt09\)"):
        MultiHot(directory, ["a", "b"]).check(["utt00", "utt09"])
