"""What the student sees of a clip, and the errors of its predictions."""

import numpy as np
import pytest
import torch
from figures.sounds import half_silent, write_directory
from inference.model_files import write_model

import asda
from asda.figures.clip_input import read_clip
from asda.figures.masked_prediction import MaskedPrediction, load_pretrainer, predict_masked
from asda.model.masking import sample_visible
from asda.model.model_config import DecoderConfig


@pytest.fixture
def clip_of(tmp_path):
    def made(**options):
        model = asda.load(write_model(tmp_path / "model.pt", "pretrained", **options), "cpu")
        write_directory(tmp_path / "data", {"a": half_silent(1.0)})
        return model, read_clip(model, str(tmp_path / "data/a.wav"))

    return made


def test_the_mean_error_of_hidden_patches_is_the_loss_of_pretraining(clip_of):
    model, clip = clip_of(decoder=DecoderConfig(mask_noise=0.0))
    pretrainer = load_pretrainer(model.saved)
    found = predict_masked(pretrainer, clip, 3, seed=5)
    assert found.visible.shape == found.error.shape == (3, 7, 8)  # 98 frames are 7 patches of 16
    chosen = sample_visible(7, 8, 3, model.saved.config.mask, np.random.default_rng(5))
    assert [np.flatnonzero(mask).tolist() for mask in found.visible] == chosen.tolist()
    with torch.no_grad():
        loss = pretrainer(clip.features, torch.from_numpy(chosen)[None]).frame_loss
    width = model.saved.config.width  # the loss divides the sum over channels by √width
    assert found.error[~found.visible].mean() * width**0.5 == pytest.approx(float(loss), rel=1e-5)


def test_the_mean_over_masks_is_of_those_that_hide_a_patch():
    visible = np.array([[[True, False, True]], [[False, False, True]]])
    error = np.array([[[1.0, 2.0, 3.0]], [[5.0, 6.0, 7.0]]])
    mean = MaskedPrediction(visible, error).mean_error
    assert mean[0, :2].tolist() == [5.0, 4.0]
    assert np.isnan(mean[0, 2])


def test_the_same_seed_gives_the_same_masks_and_leaves_the_generator_alone(clip_of):
    model, clip = clip_of()
    pretrainer = load_pretrainer(model.saved)
    state = torch.random.get_rng_state()
    first, again, other = (predict_masked(pretrainer, clip, 2, seed) for seed in (1, 1, 2))
    assert np.array_equal(first.error, again.error)
    assert not np.array_equal(first.visible, other.visible)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_padding_that_fills_a_clip_up_is_not_shown(clip_of):
    model, clip = clip_of(data={"padding": "fill"})
    assert clip.features.shape == (1, 200, 128)
    assert predict_masked(load_pretrainer(model.saved), clip, 2, 0).error.shape == (2, 7, 8)
