"""The decoder of transformer blocks that predicts features at masked patches."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor, nn

from asda.model.block import Block, init_linear
from asda.model.model_config import ResolvedModel, patch_grid
from asda.model.patches import pick, placed, sincos_positions


class VitDecoder(nn.Module):
    """Transformer blocks over all patches of a clip, with a learned token at masked patches.

    As in BAT (Ghaffari et al. 2026, arXiv:2602.16305; `ViT_MaskedDecoder` in models/ssl.py of its
    code at commit 34632af): the blocks are those of the encoder, with its attention and MLP ratio,
    positions are added, and a projection without bias follows. BAT trains the positions from their
    sin-cos values, which fixes the longest clip; here they stay fixed, as in the encoder. Linear
    layers are drawn as in the encoder's blocks, not by Xavier (docs/algorithm.md#vit-decoder).
    """

    def __init__(self, config: ResolvedModel):
        super().__init__()
        decoder = config.decoder
        self.num_freq = patch_grid(config, 1)[1]
        self.position_scale = config.patch.position_scale
        self.mask_token = nn.Parameter(0.02 * torch.randn(1, 1, decoder.width))
        self.in_proj = (
            nn.Linear(config.width, decoder.width, bias=False)
            if decoder.width != config.width
            else nn.Identity()
        )
        of_blocks = dataclasses.replace(config, width=decoder.width, heads=decoder.heads)
        self.blocks = nn.ModuleList(
            Block(of_blocks, index, drop_path=0.0) for index in range(decoder.layers)
        )
        self.proj = nn.Linear(decoder.width, config.width, bias=False)
        self.apply(init_linear)

    def forward(
        self,
        tokens: Tensor,
        visible: Tensor,
        num_patches: int,
        valid: Tensor | None = None,
        target_idx: Tensor | None = None,
    ) -> Tensor:
        """Predict features; arguments and result as in `Decoder`."""
        tokens = self.in_proj(tokens)
        rows = num_patches if valid is None else num_patches + 1  # the last row takes index -1
        masked = self.mask_token.to(tokens.dtype).repeat(len(tokens), rows, 1)
        x = placed(tokens, visible, masked, num_patches)
        x = x + self._positions(x)  # (batch, num_patches, decoder width)
        mask = None if valid is None else valid[:, None, None]
        for block in self.blocks:
            x = block(x, mask)[0]
        if target_idx is not None:
            x = pick(x, target_idx)
        return self.proj(x)

    def _positions(self, x: Tensor) -> Tensor:
        """Return the fixed positions of all patches (num_patches, decoder width)."""
        positions = sincos_positions(
            x.shape[1] // self.num_freq, self.num_freq, x.shape[2], x.device
        )
        return (self.position_scale * positions).to(x.dtype)
