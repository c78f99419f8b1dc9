"""The convolutional decoder that fills in masked patches (algorithm.md 6)."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from asda.model.config import ModelConfig, patch_grid


class Decoder(nn.Module):
    """Grouped 2-D convolutions over the grid of patches, with residual sums."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        decoder = config.decoder
        self.mask_noise = decoder.mask_noise
        self.num_freq = patch_grid(config, 1)[1]
        widths = [config.width] + [decoder.width] * decoder.layers
        self.convs = nn.ModuleList(
            nn.Conv2d(
                inputs, outputs, decoder.kernel, padding=decoder.kernel // 2, groups=decoder.groups
            )
            for inputs, outputs in itertools.pairwise(widths)
        )
        self.proj = nn.Linear(decoder.width, config.width)

    def forward(self, kept_tokens: Tensor, kept: Tensor, valid: Tensor | None, tokens: int):
        """Predict features at all patches.

        Args:
            kept_tokens: the student's output at the kept patches (batch, kept, width)
            kept: their places (batch, kept) int64, -1 where a clip has fewer
            valid: (batch, tokens) bool, false where a clip has no such patch; None = all real
            tokens: patches of the padded clips

        Returns:
            (batch, tokens, width)
        """
        grid = self._restore(kept_tokens, kept, tokens)
        real = None if valid is None else valid.unflatten(1, (-1, self.num_freq))[..., None]
        grid = grid.unflatten(1, (-1, self.num_freq))
        for conv in self.convs:
            if real is not None:  # a clip alone has zeros beyond its end
                grid = grid * real
            # Channels stay last in memory; only the convolution's view of them moves.
            out = conv(grid.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
            out = F.gelu(F.layer_norm(out, out.shape[-1:]))
            grid = out + grid if out.shape == grid.shape else out
        return self.proj(grid.flatten(1, 2))

    def _restore(self, kept_tokens: Tensor, kept: Tensor, tokens: int) -> Tensor:
        """Put kept tokens in their places among noise, (batch, tokens, width)."""
        batch, _, width = kept_tokens.shape
        noise = torch.randn(
            batch, tokens + 1, width, dtype=kept_tokens.dtype, device=kept_tokens.device
        )
        places = torch.where(kept < 0, tokens, kept)  # the extra row takes what has no place
        places = places[..., None].expand(-1, -1, width)
        return (noise * self.mask_noise).scatter(1, places, kept_tokens)[:, :tokens]
