"""The convolutional decoder that fills in masked patches (algorithm.md 6)."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from asda.kernels.recompute import again, remaking
from asda.model.model_config import ModelConfig, patch_grid
from asda.model.patches import flat_rows, pick


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

    def forward(
        self,
        kept_tokens: Tensor,
        kept: Tensor,
        valid: Tensor | None,
        tokens: int,
        places: Tensor | None = None,
    ) -> Tensor:
        """Predict features.

        Args:
            kept_tokens: the student's output at the kept patches (batch, kept, width)
            kept: their places (batch, kept) int64, -1 where a clip has fewer
            valid: (batch, tokens) bool, false where a clip has no such patch; None = all real
            tokens: patches of the padded clips
            places: patches to predict (batch, places) int64, None = all of them in order

        Returns:
            (batch, places, width)
        """
        grid = self._restore(kept_tokens, kept, tokens, valid is not None)
        real = None if valid is None else valid.unflatten(1, (-1, self.num_freq))[..., None]
        grid = grid.unflatten(1, (-1, self.num_freq))
        for conv in self.convs:
            if real is not None:  # a clip alone has zeros beyond its end
                grid = grid * real
            grid = _layer(conv, grid)
        grid = grid.flatten(1, 2)
        if places is not None:
            grid = pick(grid, places)
        return self.proj(grid)

    def _restore(self, kept_tokens: Tensor, kept: Tensor, tokens: int, ragged: bool) -> Tensor:
        """Put kept tokens in their places among noise, (batch, tokens, width)."""
        batch, _, width = kept_tokens.shape
        rows = tokens + 1 if ragged else tokens  # the extra row takes what has no place
        # In bf16 random numbers take five times as long.
        grid = torch.empty(batch, rows, width, device=kept_tokens.device)
        grid = grid.normal_(0, self.mask_noise).to(kept_tokens.dtype)
        places = torch.where(kept < 0, tokens, kept) if ragged else kept
        grid.flatten(0, 1).index_copy_(0, flat_rows(places, rows), kept_tokens.flatten(0, 1))
        return grid[:, :tokens]


def _layer(conv: nn.Conv2d, grid: Tensor) -> Tensor:
    """Return a convolution's normalised output, plus the grid (batch, time, frequency, width)."""
    with remaking(grid):
        # Channels stay last in memory; only the convolution's view of them moves.
        out = conv(grid.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        out = F.gelu(again(_norm, out))
        return out + grid if out.shape == grid.shape else out


def _norm(x: Tensor) -> Tensor:
    return F.layer_norm(x, x.shape[-1:])
