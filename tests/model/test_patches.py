import re

import numpy as np
import pytest
import torch

from asda.model.model_config import ModelConfig, PatchConfig
from asda.model.patches import PatchEmbedding, sincos_positions


def test_positions_are_those_of_the_reference():
    """docs/algorithm.md#positions: row 26 (time 3, frequency 2) and row 0."""
    table = sincos_positions(64, 8, 768)
    np.testing.assert_allclose(
        table[26, [0, 192, 384, 576]], [0.90930, -0.41615, 0.14112, -0.98999], atol=5e-6
    )
    np.testing.assert_array_equal(table[0], np.repeat([0, 1, 0, 1], 192).astype(np.float32))


def test_positions_do_not_depend_on_the_length_of_the_clip():
    np.testing.assert_array_equal(
        sincos_positions(768, 8, 96)[: 64 * 8], sincos_positions(64, 8, 96)
    )


def test_the_first_patches_of_a_long_clip_are_those_of_a_short_one():
    config = ModelConfig(size="tiny", patch=PatchConfig(16, 16)).resolved()
    embedding = PatchEmbedding(config)
    short, long = torch.randn(1, 320, 128), torch.randn(1, 3200, 128)
    long[:, :320] = short
    torch.testing.assert_close(embedding(long)[:, :160], embedding(short))
    assert embedding(long).shape == (1, 1600, 192)


@pytest.mark.parametrize("shape", [(1, 200, 64), (1, 200, 256), (1, 128, 200), (200, 128)])
def test_features_of_another_shape_are_refused_with_the_right_one(shape):
    embedding = PatchEmbedding(ModelConfig(size="tiny", mel_bins=128).resolved())
    message = rf"{re.escape(str(shape))}; the model takes \(batch, frames, 128\), of 128 mel bins"
    with pytest.raises(ValueError, match=message):
        embedding(torch.zeros(shape))


@pytest.mark.parametrize("patch", [PatchConfig(16, 16), PatchConfig(4, 128), PatchConfig(8, 32, 4)])
def test_validity_says_which_patches_hold_valid_frames(patch):
    embedding = PatchEmbedding(ModelConfig(size="tiny", patch=patch).resolved())
    lengths = torch.tensor([100, 37, 5])
    tokens = embedding(torch.zeros(3, 100, 128)).shape[1]
    valid = embedding.valid(lengths, tokens)
    alone = [embedding(torch.zeros(1, int(n), 128)).shape[1] for n in lengths]
    assert valid.sum(dim=1).tolist() == alone


def test_tokens_are_time_major_projections_of_patches():
    config = ModelConfig(size="tiny").resolved()
    embedding = PatchEmbedding(config)
    fbank = torch.randn(1, 32, 128)
    token = embedding(fbank)[0, 8 + 3]  # time 1, frequency 3
    patch = fbank[0, 16:32, 48:64].flatten()
    expected = embedding.proj.weight.flatten(1) @ patch + embedding.proj.bias
    expected = expected + sincos_positions(2, 8, 192)[8 + 3]
    torch.testing.assert_close(token, expected, atol=1e-5, rtol=1e-5)


def test_positions_are_scaled():
    config = ModelConfig(size="tiny", patch=PatchConfig(16, 16, position_scale=0.25)).resolved()
    embedding = PatchEmbedding(config)
    table = embedding(torch.zeros(1, 1600, 128))[0] - embedding.proj.bias
    expected = 0.25 * sincos_positions(100, 8, 192)
    torch.testing.assert_close(table, expected)
    with pytest.raises(ValueError, match="position_scale must not be negative"):
        PatchConfig(position_scale=-1)


@pytest.mark.parametrize(
    "patch", [PatchConfig(16, 16), PatchConfig(12, 128, 4), PatchConfig(8, 32, 4, 24)]
)
def test_tokens_are_those_of_a_convolution(patch):
    config = ModelConfig(size="tiny", patch=patch).resolved()
    embedding = PatchEmbedding(config)
    fbank = torch.randn(2, 96, 128)
    grid = embedding.proj(fbank[:, None])
    positions = sincos_positions(*grid.shape[2:], 192)
    expected = grid.flatten(2).transpose(1, 2) + embedding.patch.position_scale * positions
    torch.testing.assert_close(embedding(fbank), expected, atol=1e-5, rtol=1e-5)
