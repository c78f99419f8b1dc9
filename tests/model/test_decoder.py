import pytest
import torch
from model.networks import tiny
from torch.nn import functional as F

from asda.model.decoder import Decoder
from asda.model.model_config import DecoderConfig, PatchConfig


def in_two_dimensions(decoder: Decoder, grid: torch.Tensor) -> torch.Tensor:
    """What the decoder computes, by full 2-D convolutions, from (batch, time, freq, width)."""
    for conv in decoder.convs:
        out = conv(grid.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        grid = F.gelu(decoder.norm(out)) + grid
    return decoder.proj(grid.flatten(1, 2))


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("patch", [PatchConfig(4, 128), PatchConfig(16, 64)])
def test_predictions_and_gradients_are_those_of_convolutions_over_the_grid(patch, kernel):
    torch.manual_seed(0)
    decoder = Decoder(tiny(patch=patch, decoder=DecoderConfig(kernel=kernel, mask_noise=0.0)))
    patches = 10 * decoder.num_freq
    tokens = torch.randn(2, patches, decoder.proj.out_features)
    everything = torch.arange(patches).expand(2, -1)
    found = decoder(tokens, everything, patches)
    expected = in_two_dimensions(decoder, tokens.unflatten(1, (10, decoder.num_freq)))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    weights = torch.randn_like(found)
    parameters = list(decoder.parameters())
    gradients = torch.autograd.grad((found * weights).sum(), parameters)
    for gradient, exact in zip(
        gradients, torch.autograd.grad((expected * weights).sum(), parameters), strict=True
    ):
        torch.testing.assert_close(gradient, exact, atol=1e-3, rtol=1e-4)
