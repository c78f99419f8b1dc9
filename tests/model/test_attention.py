import math

import pytest
import torch
from torch.nn import functional as F

from asda.model.attention import DifferentialAttention, StandardAttention
from asda.model.model_config import AttentionConfig, ModelConfig


def config(**attention):
    attention = AttentionConfig(**attention)
    return ModelConfig(size="tiny", width=48, heads=4, attention=attention).resolved()


def softmax_map(q, k, heads):
    """Attention map (batch, heads, tokens, tokens) as a textbook writes it."""
    q, k = (x.unflatten(2, (heads, -1)).transpose(1, 2) for x in (q, k))
    return (q @ k.transpose(2, 3) / math.sqrt(q.shape[3])).softmax(dim=3)


def test_standard_attention_is_the_textbook_formula():
    attention = StandardAttention(config(kind="standard"))
    x = torch.randn(2, 9, 48)
    q, k, v = attention.qkv(x).chunk(3, dim=2)
    heads = v.unflatten(2, (4, -1)).transpose(1, 2)
    expected = attention.proj((softmax_map(q, k, 4) @ heads).transpose(1, 2).flatten(2))
    torch.testing.assert_close(attention(x, None), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("lam", [0.0, 0.1, 0.7])
@pytest.mark.parametrize("split", ["full", "half"])
def test_differential_attention_subtracts_lambda_times_the_second_map(lam, split):
    """Textbook: one matrix of differences of softmax maps, then LayerNorm, then the scale."""
    attention = DifferentialAttention(
        config(lambda_init=lam, output_scale=0.95, head_split=split), block=0
    )
    x = torch.randn(2, 9, 48)
    q1, q2, k1, k2 = attention.qk(x).chunk(4, dim=2)
    difference = softmax_map(q1, k1, 4) - lam * softmax_map(q2, k2, 4)
    torch.testing.assert_close(difference.sum(dim=3), torch.full_like(difference[..., 0], 1 - lam))
    values = attention.v(x).unflatten(2, (4, -1)).transpose(1, 2)
    out = (difference @ values).transpose(1, 2).flatten(2)
    expected = attention.proj(0.95 * F.layer_norm(out, (48,)))
    torch.testing.assert_close(attention(x, None), expected, atol=1e-5, rtol=1e-5)


def test_rms_norm_works_on_each_head_and_the_scale_follows_the_schedule():
    """lambda_init = 0.8 - 0.6 exp(-0.3 i), scale 1 - lambda_init.

    (docs/algorithm.md#diff-transformer)
    """
    made = config(lambda_init=None, output_scale=None, norm="head_rms", learn_lambda=True)
    attention = DifferentialAttention(made, block=2)
    assert attention.lambda_init == pytest.approx(0.8 - 0.6 * math.exp(-0.6))
    assert attention.norm.scale == pytest.approx(1 - attention.lambda_init)
    x = torch.randn(1, 5, 48)
    q1, q2, k1, k2 = attention.qk(x).chunk(4, dim=2)
    a, b, c, d = attention.lambda_vectors
    lam = (a @ c).exp() - (b @ d).exp() + attention.lambda_init
    values = attention.v(x).unflatten(2, (4, -1)).transpose(1, 2)
    out = (softmax_map(q1, k1, 4) - lam * softmax_map(q2, k2, 4)) @ values
    out = out / (out.square().mean(dim=3, keepdim=True) + 1e-5).sqrt()
    expected = attention.proj(attention.norm.scale * out.transpose(1, 2).flatten(2))
    torch.testing.assert_close(attention(x, None), expected, atol=1e-5, rtol=1e-5)


def test_learned_lambda_gets_a_gradient():
    attention = DifferentialAttention(config(learn_lambda=True), block=0)
    attention(torch.randn(1, 5, 48), None).square().sum().backward()
    assert attention.lambda_vectors.grad.abs().sum() > 0


@pytest.mark.parametrize("kind", ["standard", "differential"])
def test_masked_tokens_are_not_attended_to(kind):
    attention = {
        "standard": lambda c: StandardAttention(c),
        "differential": lambda c: DifferentialAttention(c, 0),
    }[kind](config(kind=kind))
    x = torch.randn(1, 9, 48)
    mask = torch.ones(1, 1, 1, 9, dtype=torch.bool)
    mask[..., 6:] = False
    torch.testing.assert_close(
        attention(x, mask)[:, :6], attention(x[:, :6], None), atol=1e-5, rtol=1e-5
    )


def test_no_bias_on_request():
    assert DifferentialAttention(config(bias=False), 0).qk.bias is None
