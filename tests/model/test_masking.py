import numpy as np
import pytest

from asda.model.masking import num_blocks, sample_visible
from asda.model.model_config import MaskConfig


@pytest.mark.parametrize(
    ("config", "tokens", "blocks", "kept"),
    [
        (MaskConfig(), 512, 5, 102),
        (MaskConfig(), 256, 2, 51),
        (MaskConfig(), 128, 1, 25),
        (MaskConfig(), 64, 0, 12),
        (MaskConfig(ratio=0.75, adjust=0.1), 512, 7, 128),
    ],
)
def test_counts_are_those_of_the_reference(config, tokens, blocks, kept):
    """docs/algorithm.md#masking"""
    assert num_blocks(tokens, 25, config) == blocks
    drawn = sample_visible(tokens // 8, 8, 16, config, np.random.default_rng(0))
    assert drawn.shape == (16, kept)


def test_kept_patches_are_distinct_and_in_the_grid():
    for seed in range(20):
        drawn = sample_visible(13, 3, 4, MaskConfig(ratio=0.6), np.random.default_rng(seed))
        for row in drawn:
            assert len(set(row)) == len(row)
            assert row.min() >= 0
            assert row.max() < 39
            assert (np.diff(row) > 0).all()


def test_kept_share_per_mel_row_matches_the_reference():
    """Probability that a patch of the 8 mel rows is visible, measured on 20000 masks."""
    published = [0.149, 0.189, 0.229, 0.229, 0.229, 0.229, 0.191, 0.149]
    drawn = sample_visible(64, 8, 20000, MaskConfig(), np.random.default_rng(1))
    share = np.bincount((drawn % 8).ravel(), minlength=8) / (20000 * 64)
    np.testing.assert_allclose(share, published, atol=0.003)


def test_block_masks_keep_neighbours_and_random_masks_do_not():
    def neighbours(config):
        drawn = sample_visible(64, 8, 500, config, np.random.default_rng(2))
        grid = np.zeros((500, 512), bool)
        np.put_along_axis(grid, drawn, True, axis=1)
        grid = grid.reshape(500, 64, 8)
        return (grid[:, 1:] & grid[:, :-1]).sum() / grid.sum()

    assert neighbours(MaskConfig()) > 0.6
    assert neighbours(MaskConfig(sampler="random")) == pytest.approx(0.2, abs=0.02)


def test_a_clip_of_one_patch_keeps_it():
    assert sample_visible(1, 1, 2, MaskConfig(), np.random.default_rng(0)).tolist() == [[0], [0]]
