"""Attention on a GPU, in whichever form is chosen there, against the textbook form in float64."""

import pytest
import torch

from asda.kernels.differential_attention import (
    attention_form,
    differential_attention,
    standard_attention,
)

pytestmark = pytest.mark.gpu

CLIPS, HEADS = 3, 2
# Largest distance to the exact result, over its norm: sums in float32, and operands of 8 bits.
LIMITS = {torch.float32: 1e-5, torch.bfloat16: 2e-2}


@pytest.fixture(params=[1, 37, 103, 128, 513])
def tokens(request):
    """Among them odd lengths, those of the student and of a clip of 10 s, and a full tile."""
    return request.param


@pytest.fixture(params=LIMITS, ids=str)
def dtype(request):
    return request.param


@pytest.fixture(params=[False, True], ids=["all valid", "padded"])
def mask(request, tokens, gpu):
    if not request.param:
        return None
    lengths = torch.tensor([[tokens], [tokens // 2 + 1], [1]])
    return (torch.arange(tokens) < lengths)[:, None, None].to(gpu)


def drawn(number, tokens, dtype, head_dim, gpu):
    """Return queries, keys and values as views into one projection, rounded to a type."""
    generator = torch.Generator().manual_seed(tokens)
    packed = torch.randn(CLIPS, tokens, number * HEADS * head_dim, generator=generator)
    parts = packed.to(dtype).to(gpu).chunk(number, 2)
    return [part.unflatten(2, (HEADS, -1)).transpose(1, 2).requires_grad_() for part in parts]


def results(attention, inputs, lam, mask, dtype):
    """Return the output of an attention and the gradients of its inputs, computed in a type."""
    inputs = [x.detach().to(dtype).requires_grad_() for x in inputs]
    # λ is computed in float32 also where the rest is in half precision.
    of_lam = torch.promote_types(dtype, torch.float32)
    factor = [] if lam is None else [lam.detach().to(of_lam).requires_grad_()]
    out = attention(*inputs, *factor, mask)
    direction = torch.linspace(-1, 1, out.numel(), device=out.device).view(out.shape).to(dtype)
    return [out.detach(), *torch.autograd.grad(out, [*inputs, *factor], direction)]


def check(attention, inputs, lam, mask, dtype):
    found = results(attention, inputs, lam, mask, dtype)
    with attention_form("textbook"):
        exact = results(attention, inputs, lam, mask, torch.float64)
    names = ["output", *(f"gradient {n}" for n in range(len(exact) - 1))]
    for name, one, other in zip(names, found, exact, strict=True):
        size = other.norm().clamp(min=1)  # gradients of a single token are 0
        distance = (one.double() - other).norm() / size
        assert distance <= LIMITS[dtype], f"{name}: {distance:.1e}"


def attend(q1, q2, k1, k2, v, lam, mask):
    return differential_attention(torch.cat([q1, q2, k1, k2], dim=1), v, lam, mask)


@pytest.mark.parametrize("head_dim", [8, 64])
def test_differential_attention(tokens, dtype, mask, gpu, head_dim):
    lam = torch.tensor(0.4, device=gpu)
    inputs = drawn(5, tokens, dtype, head_dim, gpu)
    check(attend, inputs, lam, mask, dtype)


def test_standard_attention(tokens, dtype, mask, gpu):
    check(standard_attention, drawn(3, tokens, dtype, 64, gpu), None, mask, dtype)
