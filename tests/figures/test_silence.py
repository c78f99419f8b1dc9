"""The share of attention on frames without sound."""

import numpy as np
import pytest
import torch

from asda.figures.attention_maps import AttentionMaps
from asda.figures.silence import quiet_frames, quiet_patches, silence_shares
from asda.model.model_config import ResolvedPatch


def levels(*decibels, bins=4):
    """Log-mel features whose frames have these energies in dB."""
    energy = np.log(10) / 10 * np.array(decibels, np.float32) - np.log(bins)
    return np.repeat(energy[:, None], bins, axis=1).astype(np.float32)


def test_frames_within_10_db_of_the_noise_floor_are_without_sound():
    quiet = quiet_frames(levels(*[0] * 20, 9.9, 10.1, 30, 40))
    assert quiet.tolist() == [True] * 21 + [False] * 3
    assert quiet_frames(levels(*[0] * 20, 4, 30), within=3).sum() == 20


def test_the_noise_floor_is_not_set_by_a_single_soft_frame():
    assert quiet_frames(levels(-100, *[0] * 60, 30)).sum() == 61


def test_a_clip_without_contrast_is_left_out():
    assert quiet_frames(levels(*[0] * 20, 19.9)) is None
    assert quiet_frames(levels(*[0] * 20, 20.1)) is not None


def patches_of(time, stride):
    return ResolvedPatch(time=time, freq=16, time_stride=stride, freq_stride=16)


def test_a_patch_counts_by_its_frames_without_sound_and_not_by_its_padding():
    quiet = np.array([1, 1, 1, 1, 1, 0, 0, 0, 0, 1], bool)
    expected = [1, 1, 0.25, 0.25, 0.5, 0.5]  # two patches along frequency; the last has 2 frames
    assert quiet_patches(quiet, patches_of(4, 4), 2).tolist() == expected
    assert quiet_patches(quiet, patches_of(4, 2), 1).tolist() == [1, 0.75, 0.25, 0.25]
    assert quiet_patches(quiet[:3], patches_of(4, 4), 1).tolist() == [1]


def one_head(*rows):
    return torch.tensor(rows)[None, None]


# Tokens: CLS, a patch without sound, a patch with sound, a patch that the clip does not have.
FIRST = one_head([0.5, 0.25, 0.25, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.2, 0.8, 0.0], [1.0, 0, 0, 0])
SECOND = one_head([0.0, 0.5, 0.5, 0.0], [0.5, 0.5, 0.0, 0.0], [0.0, 0.9, 0.1, 0], [1.0, 0, 0, 0])
QUIET = torch.tensor([[1.0, 0.0, -1.0]])


def test_shares_of_both_maps_and_of_their_difference():
    shares = silence_shares(AttentionMaps(1, FIRST, SECOND, 0.5), QUIET)
    found = {name: float(share) for name, share in shares.by_quantity.items()}
    # Rows of the difference: (0.5, 0, 0), (-0.25, 0.75, 0), (0, -0.25, 0.75).
    assert found == pytest.approx(
        {
            "map 1": (0.25 + 1 + 0.2) / 3,
            "map 2": (0.5 + 0.5 + 0.9) / 3,
            "difference": (0 + 1 + 0) / 3,
            "difference, signed": (0 + 0.75 / 0.5 - 0.25 / 0.5) / 3,
        }
    )
    assert float(shares.uniform) == pytest.approx(1 / 3)


def test_the_signed_share_changes_by_what_map_2_has_less():
    """(s1 - λ s2) / (1 - λ) = s1 + λ / (1 - λ) (s1 - s2)"""
    found = silence_shares(AttentionMaps(1, FIRST, SECOND, 0.1), QUIET).by_quantity
    first, second = found["map 1"], found["map 2"]
    assert float(found["difference, signed"]) == pytest.approx(float(first + (first - second) / 9))


def test_cls_alone_can_be_the_query():
    shares = silence_shares(AttentionMaps(1, FIRST, SECOND, 0.2), QUIET, "cls").by_quantity
    assert [float(share) for share in shares.values()] == pytest.approx([0.25, 0.5, 0.1875, 0.1875])


def test_standard_attention_has_one_map():
    shares = silence_shares(AttentionMaps(1, FIRST, None, 0.0), QUIET)
    assert list(shares.by_quantity) == ["map 1"]


def test_maps_that_ignore_the_sound_have_the_uniform_share():
    first = torch.full((2, 3, 5, 5), 0.2)
    first[1] = torch.tensor([1 / 3, 1 / 3, 1 / 3, 0, 0])
    quiet = torch.tensor([[1.0, 0.5, 0.0, 0.0], [1.0, 0.0, -1.0, -1.0]])
    shares = silence_shares(AttentionMaps(1, first, first, 0.1), quiet)
    assert shares.uniform.tolist() == pytest.approx([0.3, 1 / 3])
    for share in shares.by_quantity.values():
        assert share.tolist() == pytest.approx([0.3, 1 / 3])
