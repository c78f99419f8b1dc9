"""The decoder of transformer blocks against its definition, written out here."""

import numpy as np
import pytest
import torch
from model.networks import tiny
from torch.nn import functional as F

from asda.model.model_config import ModelConfig
from asda.model.part_configs import AttentionConfig, DecoderConfig, PatchConfig
from asda.model.pretrainer import Pretrainer
from asda.model.vit_decoder import VitDecoder


def decoder(width=None, kind="gated", **options):
    torch.manual_seed(2)
    vit = DecoderConfig(kind="vit", layers=2, width=width, heads=2)
    made = VitDecoder(tiny(decoder=vit, attention=AttentionConfig(kind=kind), **options))
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return made


def positions(time, freq, width):
    """Sine and cosine of frequency, then of time, of one patch."""
    omega = 10000.0 ** -(np.arange(width // 4) / (width // 4))
    parts = [np.sin(freq * omega), np.cos(freq * omega), np.sin(time * omega), np.cos(time * omega)]
    return torch.tensor(np.concatenate(parts), dtype=torch.float32)


def plain(weights, tokens, visible, times, freqs, heads, scale):
    """One clip: (visible, width) -> (patches, width), block by block and head by head."""
    if "in_proj.weight" in weights:
        tokens = tokens @ weights["in_proj.weight"].T
    width = tokens.shape[1]
    rows = []
    for patch in range(times * freqs):
        found = (visible == patch).nonzero()
        row = tokens[found[0, 0]] if len(found) else weights["mask_token"][0, 0]
        rows.append(row + scale * positions(patch // freqs, patch % freqs, width))
    x = torch.stack(rows)
    for n in (0, 1):
        block = {k.removeprefix(f"blocks.{n}."): w for k, w in weights.items()}
        q, k, v = F.linear(x, block["attn.qkv.weight"], block["attn.qkv.bias"]).split(width, dim=1)
        d = width // heads
        outs = [
            (q[:, h : h + d] @ k[:, h : h + d].T / d**0.5).softmax(1) @ v[:, h : h + d]
            for h in range(0, width, d)
        ]
        gate = F.linear(x, block["attn.gate.weight"], block["attn.gate.bias"]).sigmoid()
        out = F.linear(
            torch.cat(outs, 1) * gate, block["attn.proj.weight"], block["attn.proj.bias"]
        )
        x = F.layer_norm(x + out, (width,), block["norm1.weight"], block["norm1.bias"], 1e-6)
        hidden = F.gelu(F.linear(x, block["mlp.fc1.weight"], block["mlp.fc1.bias"]))
        out = F.linear(hidden, block["mlp.fc2.weight"], block["mlp.fc2.bias"])
        x = F.layer_norm(x + out, (width,), block["norm2.weight"], block["norm2.bias"], 1e-6)
    return x @ weights["proj.weight"].T


@pytest.mark.parametrize("width", [None, 32])
def test_values_and_gradients_are_those_of_the_definition(width):
    made = decoder(width, patch=PatchConfig(16, 32, position_scale=0.5))
    tokens = torch.randn(2, 3, 48, requires_grad=True)
    visible = torch.tensor([[1, 4, 10], [0, 5, 11]])
    targets = torch.tensor([[0, 2, 11], [3, 4, 10]])
    found = made(tokens, visible, 12, target_idx=targets)
    weights = dict(made.named_parameters())
    expected = torch.stack(
        [
            plain(weights, t, v, 3, 4, 2, 0.5)[i]
            for t, v, i in zip(tokens, visible, targets, strict=True)
        ]
    )
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)
    probe = torch.randn_like(found)
    inputs = [tokens, *made.parameters()]
    for one, other in zip(
        torch.autograd.grad((found * probe).sum(), inputs),
        torch.autograd.grad((expected * probe).sum(), inputs),
        strict=True,
    ):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("kind", ["standard", "differential", "gated", "diff_v2"])
def test_a_clip_of_a_padded_batch_is_decoded_as_alone(kind):
    made = decoder(kind=kind, patch=PatchConfig(16, 32))
    tokens = torch.randn(2, 3, 48)
    visible = torch.tensor([[1, 4, 10], [0, 5, -1]])
    valid = torch.arange(12) < torch.tensor([12, 8])[:, None]
    together = made(tokens, visible, 12, valid)
    torch.testing.assert_close(together[0], made(tokens[:1], visible[:1], 12)[0])
    alone = made(tokens[1:, :2], visible[1:, :2], 8)[0]
    torch.testing.assert_close(together[1, :8], alone, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("chunks", [1, 2])
def test_pretraining_takes_it_and_trains_all_of_it(monkeypatch, chunks):
    """In one piece and in several: the same loss, since it draws no noise."""
    from asda.kernels import chunked_loss

    row_bytes = 48 * 48 * 4
    monkeypatch.setattr(chunked_loss, "CHUNK_BYTES", 6 * row_bytes // chunks)
    torch.manual_seed(0)
    model = Pretrainer(tiny(decoder=DecoderConfig(kind="vit", layers=1)))
    fbank, visible = torch.randn(2, 96, 128), torch.arange(9).expand(2, 3, 9)
    loss = model(fbank, visible).loss
    loss.backward()
    assert all(p.grad.abs().sum() > 0 for p in model.decoder.parameters())
    torch.testing.assert_close(model(fbank, visible).loss, loss)
    _, predictions = model.predict(fbank, visible, None)
    assert predictions.shape == (2, 3, 48, 48)


def test_its_size_is_that_of_bat():
    """models/ssl.py with configs/ssl.yaml: 6 blocks of 768 channels, 12 heads, MLP ratio 4."""
    attention, vit = AttentionConfig(kind="gated"), DecoderConfig(kind="vit")
    config = ModelConfig(size="base", mlp_ratio=4, attention=attention, decoder=vit).resolved()
    assert (config.decoder.layers, config.decoder.width, config.decoder.heads) == (6, 768, 12)
    with torch.device("meta"):
        made = VitDecoder(config)
    width = 768
    block = 5 * (width**2 + width) + (8 * width**2 + 5 * width) + 2 * 2 * width
    assert sum(p.numel() for p in made.parameters()) == 6 * block + width + width**2


def test_initial_values():
    """docs/algorithm.md#initialisation"""
    torch.manual_seed(0)
    made = VitDecoder(tiny(decoder=DecoderConfig(kind="vit", width=192, layers=1)))
    layers = [made.in_proj, made.proj, made.blocks[0].attn.qk, made.blocks[0].mlp.fc1]
    for values in (made.mask_token, *(layer.weight for layer in layers)):
        assert values.mean().item() == pytest.approx(0, abs=0.003)
        assert values.std().item() == pytest.approx(0.02, rel=0.12)
    assert not made.blocks[0].mlp.fc1.bias.any()
    assert made.proj.bias is None and made.in_proj.bias is None


@pytest.mark.parametrize(
    ("decoder", "named"),
    [
        (DecoderConfig(kind="vit", heads=5), "model.decoder.heads: 5 does not divide the width"),
        (DecoderConfig(kind="vit", width=50), "model.decoder.width 50 must be a multiple of 4"),
        (DecoderConfig(kind="vit", layers=0), "model.decoder.layers must be at least 1"),
    ],
)
def test_impossible_sizes_are_named(decoder, named):
    with pytest.raises(ValueError, match=named.replace(".", r"\.")):
        tiny(decoder=decoder)


def test_settings_of_convolutions_do_not_limit_it():
    assert tiny(decoder=DecoderConfig(kind="vit", groups=7, kernel=4)).decoder.kind == "vit"
    with pytest.raises(ValueError, match=r"model\.decoder\.groups"):
        tiny(decoder=DecoderConfig(groups=7))
