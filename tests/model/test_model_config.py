import pytest

from asda.model.model_config import (
    AttentionConfig,
    DecoderConfig,
    ModelConfig,
    PatchConfig,
    patch_grid,
)


@pytest.mark.parametrize("size", ["tiny", "small", "base", "large"])
def test_every_size_resolves_without_nulls(size):
    config = ModelConfig(size=size).resolved()
    assert None not in (config.depth, config.width, config.heads, config.target_layers)
    assert None not in vars(config.decoder).values()
    assert config.decoder.width == config.width


def test_a_given_value_beats_the_size():
    assert ModelConfig(size="base", depth=3).resolved().depth == 3
    assert ModelConfig(size="base", depth=3).resolved().target_layers == 3


@pytest.mark.parametrize(
    ("config", "named"),
    [
        (ModelConfig(size="tiny", heads=5), "model.heads: 5 does not divide the width 192"),
        (ModelConfig(size="tiny", decoder=DecoderConfig(groups=7)), "model.decoder.groups: 7"),
        (ModelConfig(size="tiny", decoder=DecoderConfig(kernel=4)), "model.decoder.kernel"),
        (ModelConfig(size="tiny", target_layers=7), "model.target_layers 7 must lie in 1..6"),
        (ModelConfig(size="tiny", patch=PatchConfig(16, 48)), "model.patch: patches of 48 bins"),
        (ModelConfig(size="tiny", depth=0), "model.depth must be at least 1"),
    ],
)
def test_impossible_values_are_named(config, named):
    with pytest.raises(ValueError, match=named.replace(".", r"\.")):
        config.resolved()


def test_half_heads_need_an_even_split():
    attention = AttentionConfig(head_split="half")
    with pytest.raises(ValueError, match=r"model\.heads"):
        ModelConfig(size="tiny", heads=64, width=192, attention=attention).resolved()


@pytest.mark.parametrize(
    ("frames", "patch", "expected"),
    [
        (1024, PatchConfig(), (64, 8)),
        (998, PatchConfig(), (63, 8)),
        (1, PatchConfig(), (1, 8)),
        (100, PatchConfig(4, 128), (25, 1)),
        (101, PatchConfig(4, 128), (26, 1)),
        (100, PatchConfig(16, 16, time_stride=10, freq_stride=16), (10, 8)),
    ],
)
def test_patch_grid_covers_every_frame(frames, patch, expected):
    assert patch_grid(ModelConfig(size="tiny", patch=patch).resolved(), frames) == expected
