"""The attention that keeps no maps, against its formula."""

import pytest
import torch

from asda.kernels import cpu_attention
from asda.kernels.cpu_attention import softmax_attention

HEADS, CLIPS, TOKENS, WIDTH = 2, 3, 5, 4


def formula(qk, v, share, mask):
    """Each map in full, softmax(q k / sqrt(channels of a head))."""

    def heads(x):
        return x.unflatten(2, (HEADS, -1)).transpose(1, 2)

    def attention_map(q, k):
        scores = heads(q) @ heads(k).transpose(2, 3) / (WIDTH // HEADS) ** 0.5
        if mask is not None:
            scores = scores.masked_fill(~mask, -torch.inf)
        return scores.softmax(dim=3)

    if share is None:
        q, k = qk.chunk(2, dim=2)
        maps = attention_map(q, k)
    else:
        q1, q2, k1, k2 = qk.chunk(4, dim=2)
        maps = attention_map(q1, k1) - share * attention_map(q2, k2)
    return (maps @ heads(v)).transpose(1, 2).flatten(2)


@pytest.fixture(params=["together", "clip by clip", "head by head"], autouse=True)
def parts(request, monkeypatch):
    if request.param != "together":
        monkeypatch.setattr(cpu_attention, "CACHED_BYTES", 1)
    if request.param == "head by head":
        monkeypatch.setattr(cpu_attention, "CLIP_BYTES", 1)


@pytest.fixture(params=[None, 0.3, "learned"])
def share(request):
    if request.param == "learned":
        return torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    return request.param


@pytest.fixture(params=[False, True], ids=["all real", "padded"])
def mask(request):
    if not request.param:
        return None
    return (torch.arange(TOKENS) < torch.tensor([[5], [3], [1]]))[:, None, None]


def inputs(share):
    generator = torch.Generator().manual_seed(1)
    channels = WIDTH * (2 if share is None else 4)
    return [
        torch.randn(CLIPS, TOKENS, size, generator=generator, dtype=torch.float64).requires_grad_()
        for size in (channels, WIDTH)
    ]


def test_values_and_gradients_are_those_of_the_formula(share, mask):
    qk, v = inputs(share)
    learned = [share] if isinstance(share, torch.Tensor) else []
    found = softmax_attention(qk, v, share, mask, HEADS)
    expected = formula(qk, v, share, mask)
    torch.testing.assert_close(found, expected)
    direction = torch.randn(found.shape, dtype=torch.float64)
    for one, other in zip(
        torch.autograd.grad(found, [qk, v, *learned], direction),
        torch.autograd.grad(expected, [qk, v, *learned], direction),
        strict=True,
    ):
        torch.testing.assert_close(one, other)


def test_parts_of_clips_and_of_heads(parts, monkeypatch):
    """Three clips of 4 heads; a map of 5 tokens in float32 takes 100 bytes."""

    def sizes(cached, of_clip):
        monkeypatch.setattr(cpu_attention, "CACHED_BYTES", cached)
        monkeypatch.setattr(cpu_attention, "CLIP_BYTES", of_clip)
        qk = torch.zeros(CLIPS, TOKENS, 16)
        found = [(range(CLIPS)[c], range(4)[h]) for c, h in cpu_attention._parts(qk, 2, 4)]
        return [(len(clips), len(heads)) for clips, heads in found]

    assert sizes(1600, 10**6) == [(2, 4), (1, 4)]
    assert sizes(100, 10**6) == [(1, 4)] * 3
    assert sizes(100, 700) == [(1, 3), (1, 1)] * 3
