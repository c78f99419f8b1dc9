"""The CTC head: its steps, and that other clips of a batch do not matter."""

import pytest
import torch
from model.networks import tiny

from asda.model.ctc_head import CtcHead
from asda.model.model_config import PatchConfig

BINS, UNITS = 16, 5
WHOLE_SPECTRUM = {"time": 4, "freq": BINS}


def head(patch, **settings):
    torch.manual_seed(0)
    return CtcHead(tiny(mel_bins=BINS, patch=PatchConfig(**patch)), UNITS, **settings).eval()


@pytest.mark.parametrize(
    ("patch", "settings", "frames", "steps"),
    [
        (WHOLE_SPECTRUM, {}, 40, 10),
        (WHOLE_SPECTRUM, {}, 41, 11),
        ({"time": 4, "freq": BINS, "time_stride": 2}, {}, 40, 19),
        ({"time": 16, "freq": 8}, {"steps_per_patch": 4}, 40, 12),
        ({"time": 16, "freq": 8}, {"steps_per_patch": 4, "frequency": "mean"}, 40, 12),
    ],
)
def test_steps_follow_the_patches(patch, settings, frames, steps):
    model = head(patch, **settings)
    assert model(torch.zeros(1, frames, BINS)).shape == (1, steps, UNITS)
    assert model.steps(torch.tensor([frames])).tolist() == [steps]


def test_a_patch_of_several_rows_gives_the_head_all_of_them():
    whole = head({"time": 4, "freq": 8})
    assert whole.head.in_features == 2 * whole.encoder.cls_token.shape[-1]
    assert head({"time": 4, "freq": 8}, frequency="mean").head.in_features == 48


def test_logits_of_a_clip_do_not_depend_on_longer_clips_in_its_batch():
    model = head(WHOLE_SPECTRUM)
    clips = torch.randn(2, 40, BINS)
    clips[1, 22:] = 0
    alone = model(clips[1:, :22])
    together = model(clips, torch.tensor([40, 22]))
    count = model.valid_steps(together, torch.tensor([40, 22])).tolist()
    assert count == [10, 6]
    torch.testing.assert_close(together[1, :6], alone[0], rtol=0, atol=1e-5)


def test_all_steps_are_valid_without_padding():
    model = head(WHOLE_SPECTRUM)
    assert model.valid_steps(model(torch.zeros(2, 20, BINS)), None).tolist() == [5, 5]


def test_steps_of_a_patch_follow_one_another():
    """Four outputs of a patch are the four parts of its linear layer, in order."""
    model = head({"time": 16, "freq": 8}, steps_per_patch=4)
    features = torch.randn(1, 32, BINS)
    tokens = model.encoder(features).tokens[:, 1:]  # 2 times of 2 rows
    vectors = model.norm(tokens.reshape(1, 2, -1))
    expected = torch.stack([part @ vectors[0, 1] for part in model.head.weight.chunk(4)])
    torch.testing.assert_close(model(features)[0, 4:], expected, rtol=0, atol=1e-5)


def test_unknown_settings_are_refused():
    with pytest.raises(ValueError, match="no CTC head"):
        head(WHOLE_SPECTRUM, frequency="max")
