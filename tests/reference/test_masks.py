"""Statistics measured on 20000 masks of the reference (docs/algorithm.md#masking)."""

import numpy as np
import pytest

from asda.model.masking import _blocks, sample_visible

MASKS = 20000


@pytest.fixture
def mask(preset):
    return preset("pretrain_asda_base").model.mask


def test_marked_before_the_number_is_made_even(mask):
    marked = _blocks(64, 8, MASKS, mask, np.random.default_rng(0)).sum(axis=1)
    assert marked.mean() == pytest.approx(95.9, abs=0.3)
    assert 40 <= marked.min() <= 55 and marked.max() == 125
    assert np.mean(marked > 102) == pytest.approx(0.29, abs=0.01)
    assert np.mean(marked < 102) == pytest.approx(0.68, abs=0.01)
    assert np.maximum(marked - 102, 0).mean() == pytest.approx(2.1, abs=0.1)
    assert np.maximum(102 - marked, 0).mean() == pytest.approx(8.2, abs=0.2)


def test_blocks_are_cut_and_topped_up_at_random(mask):
    """A mask is its blocks, less or more random patches, and never anything else."""
    seeds = range(300)
    marked = [_blocks(64, 8, 1, mask, _after_order(seed))[0] for seed in seeds]
    kept = [sample_visible(64, 8, 1, mask, np.random.default_rng(seed))[0] for seed in seeds]
    for cells, own in zip(marked, kept, strict=True):
        blocks = set(np.flatnonzero(cells))
        assert set(own) <= blocks or blocks <= set(own)


def _after_order(seed):
    rng = np.random.default_rng(seed)
    rng.random((1, 512))
    return rng


def test_kept_share_of_mel_rows(mask):
    published = [0.149, 0.189, 0.229, 0.229, 0.229, 0.229, 0.191, 0.149]
    kept = sample_visible(64, 8, MASKS, mask, np.random.default_rng(1))
    share = np.bincount((kept % 8).ravel(), minlength=8) / (MASKS * 64)
    np.testing.assert_allclose(share, published, atol=0.003)
