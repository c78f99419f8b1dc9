"""The maps of a block, computed again from its input."""

import numpy as np
import pytest
import torch
from model.networks import tiny

from asda.figures.attention_maps import AttentionMaps, attention_maps
from asda.model.attention import concatenate_heads, split_heads
from asda.model.encoder import Encoder
from asda.model.model_config import AttentionConfig

KINDS = {
    "differential": AttentionConfig(),
    "learned lambda": AttentionConfig(
        lambda_init=None, learn_lambda=True, norm="head_rms", output_scale=None, head_split="half"
    ),
    "standard": AttentionConfig(kind="standard"),
    "gated": AttentionConfig(kind="gated"),
    "diff_v2": AttentionConfig(kind="diff_v2"),
}


def made(kind):
    torch.manual_seed(0)
    encoder = Encoder(tiny(attention=KINDS[kind], depth=3)).eval()
    with torch.no_grad():  # so that the maps are far from uniform
        for block in encoder.blocks:
            for parameter in block.attn.parameters():
                parameter.mul_(8)
    return encoder, torch.randn(2, 48, 128), torch.tensor([48, 20])


def output_of(kind, attention, weights, x):
    """The output of an attention whose values are weighted with these maps."""
    if kind in ("standard", "gated"):
        v = attention.qkv(x).chunk(3, dim=2)[2]
    else:
        v = attention.kv(x).chunk(2, dim=2)[1] if kind == "diff_v2" else attention.v(x)
    out = concatenate_heads(weights @ split_heads(v, attention.heads))
    if kind == "gated":
        out = out * attention.gate(x).sigmoid()
    return attention.proj(attention.norm(out) if hasattr(attention, "norm") else out)


@pytest.mark.parametrize("kind", KINDS)
def test_the_maps_times_the_values_are_the_output_of_the_blocks_attention(kind):
    encoder, fbank, num_frames = made(kind)
    calls = []
    for block in encoder.blocks:
        block.attn.register_forward_hook(lambda module, args, out: calls.append((args, out)))
    maps = list(attention_maps(encoder, fbank, num_frames, [1, 2, 3]))
    assert [each.layer for each in maps] == [1, 2, 3]
    assert len(calls) == 3
    for block, each, ((x, _), output) in zip(encoder.blocks, maps, calls, strict=True):
        again = output_of(kind, block.attn, each.difference, x)
        torch.testing.assert_close(again, output, atol=2e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_rows_sum_to_one_and_padding_gets_nothing(kind):
    encoder, fbank, num_frames = made(kind)
    (maps,) = attention_maps(encoder, fbank, num_frames, [2])
    for each in (maps.first, maps.second):
        if each is not None:
            torch.testing.assert_close(each.sum(3), torch.ones(2, 4, each.shape[2]))
            assert each[1, :, :, 1 + 2 * 8 :].max() == 0  # 20 frames are two patches along time
    assert (maps.second is None) == (kind in ("standard", "gated"))


def test_afterwards_the_encoder_is_as_it_was():
    encoder, fbank, num_frames = made("differential")
    before = encoder(fbank, num_frames).tokens
    next(iter(attention_maps(encoder, fbank, num_frames, [1, 3])))
    assert not any(block.attn._forward_pre_hooks for block in encoder.blocks)
    assert torch.equal(encoder(fbank, num_frames).tokens, before)


def test_lambda_is_that_of_the_block():
    encoder, fbank, _ = made("learned lambda")
    found = [maps.lam for maps in attention_maps(encoder, fbank, None, [1, 2, 3])]
    assert np.allclose(found, [float(block.attn.lam.detach()) for block in encoder.blocks])
    assert AttentionMaps(1, torch.ones(1), torch.ones(1), 0.25).difference == 0.75
