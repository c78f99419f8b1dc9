"""A loss that is differentiated chunk by chunk is that of the whole batch."""

import weakref

import numpy as np
import pytest
import torch

from asda.kernels import chunked_loss as kernel
from asda.kernels.chunked_loss import chunked_loss
from asda.model.masking import sample_visible
from asda.model.model_config import (
    AttentionConfig,
    DecoderConfig,
    MaskConfig,
    ModelConfig,
    patch_grid,
)
from asda.model.pretrainer import Pretrainer

FRAMES = 64


@pytest.fixture
def chunks_of_two(monkeypatch):
    """Five rows of 8 bytes in chunks of 2, 2 and 1."""
    monkeypatch.setattr(kernel, "CHUNK_BYTES", 16)


@pytest.fixture
def layer(chunks_of_two):
    torch.manual_seed(0)
    return torch.nn.Linear(3, 2, dtype=torch.float64)


def losses(layer):
    """A loss of rows and a further number."""
    scale = torch.arange(1.0, 6.0, dtype=torch.float64)

    def of_rows(rows, part):
        out = layer(rows).square().sum(dim=1)
        return (out * scale[part]).sum(), out.detach().sum()

    return of_rows


@pytest.mark.parametrize("factor", [1.0, 0.25])
def test_sums_and_gradients(layer, factor):
    x = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    variables = [x, *layer.parameters()]
    expected, _ = losses(layer)(x, slice(None))
    loss, number = chunked_loss(losses(layer), x, list(layer.parameters()), row_bytes=8)
    torch.testing.assert_close(loss, expected)
    assert not number.requires_grad
    found = torch.autograd.grad(factor * loss, variables, retain_graph=True)
    for one, other in zip(found, torch.autograd.grad(factor * expected, variables), strict=True):
        torch.testing.assert_close(one, other)
    for one, other in zip(torch.autograd.grad(loss, variables), found, strict=True):
        torch.testing.assert_close(factor * one, other)


def test_without_gradients(layer):
    x = torch.randn(5, 3, dtype=torch.float64)
    with torch.no_grad():
        loss, _ = chunked_loss(losses(layer), x, list(layer.parameters()), row_bytes=8)
        torch.testing.assert_close(loss, losses(layer)(x, slice(None))[0])


def test_one_chunk_at_a_time_is_in_memory(layer):
    made = []

    def of_rows(rows, part):
        assert all(storage() is None for storage in made)
        hidden = layer(rows).exp()
        made.append(weakref.ref(hidden.untyped_storage()))
        return hidden.square().sum(), hidden.detach().sum()

    x = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    chunked_loss(of_rows, x, list(layer.parameters()), row_bytes=8)
    assert len(made) == 3


def config(kind, learned):
    return ModelConfig(
        size="tiny",
        depth=2,
        width=32,
        heads=4,
        mel_bins=32,
        num_masks=3,
        mask=MaskConfig(ratio=0.6, block_time=2, block_freq=2),
        decoder=DecoderConfig(mask_noise=0.0, groups=4),
        attention=AttentionConfig(kind=kind, learn_lambda=learned),
    ).resolved()


def batch(model, ragged):
    lengths = [FRAMES, FRAMES // 2, FRAMES - 16] if ragged else [FRAMES] * 3
    rng = np.random.default_rng(0)
    visible = [
        sample_visible(*patch_grid(model, length), model.num_masks, model.mask, rng)
        for length in lengths
    ]
    most = max(rows.shape[1] for rows in visible)
    visible = [
        np.pad(rows, ((0, 0), (0, most - rows.shape[1])), constant_values=-1) for rows in visible
    ]
    fbank = torch.randn(3, FRAMES, model.mel_bins)
    for clip, length in zip(fbank, lengths, strict=True):
        clip[length:] = 0
    return fbank, torch.from_numpy(np.stack(visible)), torch.tensor(lengths) if ragged else None


@pytest.mark.parametrize("ragged", [False, True])
@pytest.mark.parametrize(
    "kind, learned", [("differential", False), ("differential", True), ("standard", False)]
)
def test_the_pretraining_step_in_chunks(monkeypatch, kind, learned, ragged):
    torch.manual_seed(0)
    model = Pretrainer(config(kind, learned)).train()
    inputs = batch(model.config, ragged)

    def step(chunk_bytes):
        monkeypatch.setattr(kernel, "CHUNK_BYTES", chunk_bytes)
        model.zero_grad()
        output = model(*inputs)
        output.loss.backward()
        grads = [parameter.grad for parameter in model.parameters() if parameter.requires_grad]
        return output, torch.cat([grad.flatten() for grad in grads])

    chunks, grads = step(1)
    whole, expected = step(2**40)
    for name in vars(whole):
        torch.testing.assert_close(getattr(chunks, name), getattr(whole, name))
    assert torch.linalg.norm(grads - expected) <= 1e-6 * torch.linalg.norm(expected)
