"""Attention of other models against its formulas, written out here: values and gradients."""

import math

import pytest
import torch
from model.networks import tiny
from torch.nn import functional as F

from asda.kernels.differential_attention import attention_form
from asda.model.attention_kinds import make_attention
from asda.model.part_configs import AttentionConfig

HEADS, WIDTH, TOKENS = 4, 48, 9
FORMS = ["textbook", "fused", "chunked"]


def attention(kind, **settings):
    torch.manual_seed(1)
    made = make_attention(tiny(attention=AttentionConfig(kind=kind, **settings)), block=0)
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return made


def head(x, index, heads):
    """The channels of one head, (batch, tokens, width / heads)."""
    return x[..., index * x.shape[2] // heads : (index + 1) * x.shape[2] // heads]


def softmax_map(q, k, mask):
    scores = torch.einsum("bnd,bmd->bnm", q, k) / math.sqrt(q.shape[2])
    if mask is not None:
        scores = scores + torch.where(mask[:, 0], 0.0, -torch.inf)
    return scores.softmax(dim=2)


def gated(weights, x, mask):
    """proj(concatenated heads * sigmoid(gate)), head by head."""
    q, k, v = F.linear(x, weights["qkv.weight"], weights.get("qkv.bias")).split(WIDTH, dim=2)
    heads = [
        softmax_map(head(q, i, HEADS), head(k, i, HEADS), mask) @ head(v, i, HEADS)
        for i in range(HEADS)
    ]
    gate = 1 / (1 + torch.exp(-F.linear(x, weights["gate.weight"], weights.get("gate.bias"))))
    gated_heads = torch.cat(heads, dim=2) * gate
    return F.linear(gated_heads, weights["proj.weight"], weights.get("proj.bias"))


def diff_v2(weights, x, mask):
    """One map of differences for each head of keys, of its two neighbouring query heads."""
    q = F.linear(x, weights["q.weight"], weights.get("q.bias"))
    k, v = F.linear(x, weights["kv.weight"], weights.get("kv.bias")).split(WIDTH, dim=2)
    lam = 1 / (1 + torch.exp(-x @ weights["lam.weight"].T))  # (batch, tokens, heads)
    outputs = []
    for i in range(HEADS):
        first, second = (
            softmax_map(head(q, 2 * i + n, 2 * HEADS), head(k, i, HEADS), mask) for n in (0, 1)
        )
        outputs.append((first - lam[..., i : i + 1] * second) @ head(v, i, HEADS))
    return F.linear(torch.cat(outputs, dim=2), weights["proj.weight"], weights.get("proj.bias"))


PLAIN = {"gated": gated, "diff_v2": diff_v2}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kind", PLAIN)
def test_values_and_gradients_are_those_of_the_formula(kind, bias, masked, form):
    made = attention(kind, bias=bias)
    x = torch.randn(2, TOKENS, WIDTH, requires_grad=True)
    mask = None
    if masked:
        mask = torch.arange(TOKENS) < torch.tensor([TOKENS, 5])[:, None, None, None]
    probe = torch.randn(2, TOKENS, WIDTH)
    with attention_form(form):
        found = made(x, mask)
        grads = torch.autograd.grad((found * probe).sum(), [x, *made.parameters()])
    expected = PLAIN[kind](dict(made.named_parameters()), x, mask)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)
    wanted = torch.autograd.grad((expected * probe).sum(), [x, *made.parameters()])
    for one, other in zip(grads, wanted, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kind", PLAIN)
def test_bf16_is_near_float32(kind):
    made = attention(kind)
    x = torch.randn(2, TOKENS, WIDTH)
    expected = made(x, None)
    with torch.autocast("cpu", torch.bfloat16):
        found = made(x, None)
    assert (found - expected).abs().max() < 0.02 * expected.abs().max()


def test_the_rows_of_a_difference_sum_to_one_minus_their_lambda():
    made = attention("diff_v2")
    x = torch.randn(2, TOKENS, WIDTH)
    q1, q2, k, _, lam = made.projected(x)
    ones = torch.ones(2, HEADS, TOKENS, 1)
    rows = (q1 @ k.mT / math.sqrt(12)).softmax(3) - lam * (q2 @ k.mT / math.sqrt(12)).softmax(3)
    torch.testing.assert_close(rows @ ones, 1 - lam)
    assert lam.std() > 0.01 and lam.min() > 0 and lam.max() < 1


def parameters(kind, **settings):
    return sum(p.numel() for p in attention(kind, **settings).parameters())


def test_sizes_without_biases_are_those_of_the_sources():
    """BAT: 3 D² + D² + D². DIFF V2: 2 D² + 2 D² + D² and D for each head."""
    assert parameters("gated", bias=False) == 5 * WIDTH**2
    assert parameters("diff_v2", bias=False) == 5 * WIDTH**2 + HEADS * WIDTH
    assert parameters("gated") == 5 * WIDTH**2 + 5 * WIDTH
    assert parameters("diff_v2") == 5 * WIDTH**2 + HEADS * WIDTH + 5 * WIDTH
