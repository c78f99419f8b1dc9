"""The convolutional decoder that predicts features at masked patches."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from asda.model.model_config import ResolvedModel, patch_grid
from asda.model.patches import pick, placed


class Decoder(nn.Module):
    """Grouped 2-D convolutions over the grid of patches, with residual sums.

    (docs/algorithm.md#decoder)
    """

    def __init__(self, config: ResolvedModel):
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
        self.norm = nn.LayerNorm(decoder.width, elementwise_affine=False)
        self.proj = nn.Linear(decoder.width, config.width)

    def forward(
        self,
        tokens: Tensor,
        visible: Tensor,
        num_patches: int,
        valid: Tensor | None = None,
        target_idx: Tensor | None = None,
    ) -> Tensor:
        """Predict features.

        Args:
            tokens: the student's output at the visible patches (batch, visible, width)
            visible: which patches these are (batch, visible) int64, -1 where a clip has fewer
            num_patches: patches of the padded clips
            valid: (batch, num_patches) bool, false where a clip has no such patch; None = all valid
            target_idx: patches to predict (batch, targets) int64, None = all of them in order

        Returns:
            (batch, targets, width)
        """
        grid = self._fill(tokens, visible, num_patches, ragged=valid is not None)
        grid = grid.unflatten(1, (-1, self.num_freq))  # (batch, time, freq, width)
        if valid is not None:
            valid = valid.unflatten(1, (-1, self.num_freq))[..., None]
        for conv in cast(Iterable[nn.Conv2d], self.convs):
            if valid is not None:  # the convolution must see zeros beyond the end of a clip
                grid = grid * valid
            out = F.gelu(self.norm(self._convolve(conv, grid)))
            grid = out + grid if out.shape == grid.shape else out
        grid = grid.flatten(1, 2)  # (batch, num_patches, width)
        if target_idx is not None:
            grid = pick(grid, target_idx)
        return self.proj(grid)

    def _fill(self, tokens: Tensor, visible: Tensor, num_patches: int, ragged: bool) -> Tensor:
        """Return visible tokens among noise at the masked patches, (batch, num_patches, width)."""
        batch, _, width = tokens.shape
        rows = num_patches + 1 if ragged else num_patches  # the last row takes index -1
        # Drawn in float32, which is faster on CPUs than drawing in bf16.
        grid = torch.empty(batch, rows, width, device=tokens.device)
        grid = grid.normal_(0, self.mask_noise).to(tokens.dtype)
        return placed(tokens, visible, grid, num_patches)

    def _convolve(self, conv: nn.Conv2d, grid: Tensor) -> Tensor:
        """Return a convolution's output (batch, time, freq, width)."""
        # Channels stay last in memory; only the convolution's view of them moves.
        if self.num_freq > 1:
            return conv(grid.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        # Beside a single row of patches is only padding, so one column of the kernel does all.
        column = conv.weight[..., conv.kernel_size[1] // 2]
        row = grid.squeeze(2).transpose(1, 2)  # (batch, width, time)
        out = F.conv1d(row, column, conv.bias, padding=conv.padding[0], groups=conv.groups)
        return out.transpose(1, 2).unsqueeze(2)
