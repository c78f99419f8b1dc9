"""Every form of differential attention against its textbook form, and that against the formula."""

import math

import pytest
import torch

from asda.kernels import cpu_attention
from asda.kernels.differential_attention import (
    attention_form,
    differential_attention,
    standard_attention,
)

HEADS, CLIPS, TOKENS, HEAD_DIM = 2, 3, 5, 4


@pytest.fixture(params=["together", "clip by clip", "head by head"])
def chunks(request, monkeypatch):
    if request.param != "together":
        monkeypatch.setattr(cpu_attention, "CHUNK_BYTES", 1)
    if request.param == "head by head":
        monkeypatch.setattr(cpu_attention, "CLIP_BYTES", 1)


@pytest.fixture(params=[None, 0.3, "learned"])
def lam(request):
    if request.param == "learned":
        return torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    return request.param


@pytest.fixture(params=[False, True], ids=["all valid", "padded"])
def mask(request):
    if not request.param:
        return None
    return (torch.arange(TOKENS) < torch.tensor([[5], [3], [1]]))[:, None, None]


def inputs(number, strided=False):
    """Queries, keys and values; strided ones are split off a common projection, as in the model."""
    generator = torch.Generator().manual_seed(1)
    shape = (CLIPS, TOKENS, number * HEADS * HEAD_DIM)
    packed = torch.randn(shape, generator=generator, dtype=torch.float64)
    parts = [
        part.unflatten(2, (HEADS, -1)).transpose(1, 2).detach() for part in packed.chunk(number, 2)
    ]
    return [(part if strided else part.contiguous()).requires_grad_() for part in parts]


def attend(tensors, lam, mask):
    if lam is None:
        return standard_attention(*tensors, mask)
    q1, k1, q2, k2, v = tensors
    if v.is_contiguous():
        qk = torch.cat([q1, q2, k1, k2], dim=1)
    else:  # as in the model: the heads of a token are neighbours
        qk = torch.cat([x.transpose(1, 2) for x in (q1, q2, k1, k2)], dim=2).transpose(1, 2)
    return differential_attention(qk, v, lam, mask)


def test_the_textbook_form_is_the_formula():
    """One query after the other, one key after the other."""
    q1, k1, q2, k2, v = (x.detach() for x in inputs(5))
    with attention_form("textbook"):
        found = attend((q1, k1, q2, k2, v), 0.3, None)
    for clip in range(CLIPS):
        for head in range(HEADS):
            for query in range(TOKENS):
                weights = torch.zeros(TOKENS, dtype=torch.float64)
                for q, k, factor in ((q1, k1, 1.0), (q2, k2, -0.3)):
                    keys = k[clip, head]
                    scores = [
                        float(q[clip, head, query] @ key) / math.sqrt(HEAD_DIM) for key in keys
                    ]
                    total = sum(math.exp(score) for score in scores)
                    for key, score in enumerate(scores):
                        weights[key] += factor * math.exp(score) / total
                expected = sum(w * value for w, value in zip(weights, v[clip, head], strict=True))
                torch.testing.assert_close(found[clip, head, query], expected)


def test_the_map_of_a_padded_clip_is_that_of_the_clip_alone(mask):
    tensors = [x.detach() for x in inputs(5)]
    with attention_form("textbook"):
        found = attend(tensors, 0.3, mask)
        for clip, length in enumerate([5, 5, 5] if mask is None else [5, 3, 1]):
            expected = attend([x[clip : clip + 1, :, :length] for x in tensors], 0.3, None)
            torch.testing.assert_close(found[clip : clip + 1, :, :length], expected)


@pytest.mark.parametrize("strided", [False, True])
@pytest.mark.parametrize("form", ["chunked", "fused", "stacked"])
def test_values_and_gradients_are_those_of_the_textbook(chunks, form, lam, mask, strided):
    tensors = inputs(3 if lam is None else 5, strided)
    variables = [*tensors, *([lam] if isinstance(lam, torch.Tensor) else [])]
    with attention_form(form):
        found = attend(tensors, lam, mask)
    with attention_form("textbook"):
        expected = attend(tensors, lam, mask)
    torch.testing.assert_close(found, expected)
    direction = torch.randn(found.shape, dtype=torch.float64)
    grads = [torch.autograd.grad(out, variables, direction) for out in (found, expected)]
    for one, other in zip(*grads, strict=True):
        torch.testing.assert_close(one, other)


def test_inputs_are_left_as_they_were():
    tensors = inputs(5)
    before = [x.detach().clone() for x in tensors]
    attend(tensors, 0.3, None).sum().backward()
    for now, then in zip(tensors, before, strict=True):
        assert torch.equal(now, then)


def test_the_form_on_a_cpu_is_the_chunked_one(monkeypatch):
    called = []
    chunked = cpu_attention._ChunkedAttention.apply
    monkeypatch.setattr(
        cpu_attention._ChunkedAttention, "apply", lambda *x: called.append(1) or chunked(*x)
    )
    attend(inputs(5), 0.3, None)
    assert called
    with attention_form("textbook"):
        attend(inputs(5), 0.3, None)
    assert len(called) == 1


def test_heads_can_be_concatenated_without_a_copy():
    out = attend(inputs(5), 0.3, None)
    joined = out.transpose(1, 2).flatten(2)
    assert joined.data_ptr() == out.data_ptr()


def test_chunks_of_clips_and_of_heads(monkeypatch):
    """Three clips of 4 heads; a map of 5 tokens in float32 takes 100 bytes."""

    def sizes(chunk_bytes, clip_bytes):
        monkeypatch.setattr(cpu_attention, "CHUNK_BYTES", chunk_bytes)
        monkeypatch.setattr(cpu_attention, "CLIP_BYTES", clip_bytes)
        q = torch.zeros(CLIPS, 4, TOKENS, HEAD_DIM)
        found = [(range(CLIPS)[c], range(4)[h]) for c, h in cpu_attention._chunks(q, 2)]
        return [(len(clips), len(heads)) for clips, heads in found]

    assert sizes(1600, 10**6) == [(2, 4), (1, 4)]
    assert sizes(100, 10**6) == [(1, 4)] * 3
    assert sizes(100, 600) == [(1, 3), (1, 1)] * 3
