import pytest
import torch
from model.networks import tiny
from torch.nn import functional as F

from asda.model.classifier import Classifier
from asda.model.model_config import PatchConfig


@pytest.mark.parametrize(
    "patch", [PatchConfig(16, 16), PatchConfig(4, 128), PatchConfig(8, 32, time_stride=4)]
)
@pytest.mark.parametrize(
    ("pooling", "layers"),
    [("cls", "last"), ("mean", "last"), ("statistics", "last"), ("statistics", "all")],
)
def test_a_clip_does_not_depend_on_its_batch_mates(patch, pooling, layers):
    model = Classifier(tiny(patch=patch), 5, pooling, layers).eval()
    clips = [torch.randn(n, 128) for n in (160, 75, 20)]
    batch = torch.nn.utils.rnn.pad_sequence(clips, batch_first=True)
    together = model(batch, torch.tensor([160, 75, 20]))
    alone = torch.cat([model(clip[None]) for clip in clips])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-4)


def test_statistics_are_mean_and_std_of_the_valid_patches():
    model = Classifier(tiny(), 5, "statistics", "all").eval()
    fbank = torch.randn(1, 80, 128)
    patches = model.encoder.patches(fbank)
    levels = [patches, *(tokens[:, 1:] for tokens, _ in model.encoder.hidden_states(patches, None))]
    expected = [torch.cat([x[0].mean(0), x[0].std(0, correction=0)]) for x in levels]
    padded = F.pad(fbank, (0, 0, 0, 85))
    found = model.embed(padded, torch.tensor([80]))[0]
    torch.testing.assert_close(found, torch.cat(expected), atol=1e-4, rtol=1e-4)
    model.pooled_layers = [2]
    found = model.embed(padded, torch.tensor([80]))[0]
    torch.testing.assert_close(found, expected[-1], atol=1e-4, rtol=1e-4)


def test_a_linear_probe_leaves_the_encoder_in_evaluation_mode():
    model = Classifier(tiny(), 3, "cls", drop_path=0.5)
    model.freeze_encoder()
    model.train()
    assert not model.encoder.training
    assert model.head.training
    model(torch.randn(2, 64, 128)).sum().backward()
    assert all(p.grad is None for p in model.encoder.parameters())
    assert model.head.weight.grad is not None
