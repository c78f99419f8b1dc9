"""The transformer encoder over patch tokens (algorithm.md 3 and 5)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from asda.kernels.recompute import again, remaking
from asda.model.attention import make_attention
from asda.model.model_config import ModelConfig
from asda.model.patches import PatchEmbedding

NORM_EPS = 1e-6


class Mlp(nn.Module):
    """Two linear layers with a GELU between them."""

    def __init__(self, width: int, hidden: int):
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(again(F.gelu, self.fc1(x)))


class Block(nn.Module):
    """Attention and MLP, each normalised after its residual sum (algorithm.md 5.3)."""

    def __init__(self, config: ModelConfig, index: int, drop_path: float):
        super().__init__()
        self.drop_path = drop_path
        self.attn = make_attention(config, index)
        self.norm1 = nn.LayerNorm(config.width, eps=NORM_EPS)
        self.mlp = Mlp(config.width, int(config.mlp_ratio * config.width))
        self.norm2 = nn.LayerNorm(config.width, eps=NORM_EPS)

    def forward(self, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return the tokens and the MLP's own output, both (batch, tokens, width)."""
        with remaking(x):
            x = again(self.norm1, x + self._drop_path(self.attn(x, mask)))
            ffn = self.mlp(x)
            return again(self.norm2, x + self._drop_path(ffn)), ffn

    def _drop_path(self, branch: Tensor) -> Tensor:
        """Leave a residual branch out of whole clips at random, and scale it up in the others."""
        if not self.training or self.drop_path == 0:
            return branch
        kept = torch.rand(len(branch), 1, 1, device=branch.device) >= self.drop_path
        return branch * (kept / (1 - self.drop_path)).to(branch.dtype)


@dataclass
class EncoderOutput:
    """Tokens (batch, 1 + patches, width), CLS first, and which of them are real (None = all)."""

    tokens: Tensor
    valid: Tensor | None


class Encoder(nn.Module):
    """Patches, a CLS token and transformer blocks.

    Args:
        config: resolved configuration
        drop_path: rate of dropped branches in the top block; it rises linearly from 0
    """

    def __init__(self, config: ModelConfig, drop_path: float = 0.0):
        super().__init__()
        self.patches = PatchEmbedding(config)
        self.cls_token = nn.Parameter(torch.randn(1, 1, config.width))
        self.norm = nn.LayerNorm(config.width, eps=NORM_EPS)
        steps = max(1, config.depth - 1)
        self.blocks = nn.ModuleList(
            Block(config, index, drop_path * index / steps) for index in range(config.depth)
        )
        self.blocks.apply(_init_linear)

    def forward(self, fbank: Tensor, num_frames: Tensor | None = None) -> EncoderOutput:
        """Encode whole clips.

        Args:
            fbank: normalised features (batch, frames, mel), padded with zeros
            num_frames: (batch,) int64 real frames, None = all
        """
        patches, valid = self.enter(fbank, num_frames)
        tokens = self.encode(patches, valid)
        return EncoderOutput(tokens, None if valid is None else F.pad(valid, (1, 0), value=True))

    def enter(self, fbank: Tensor, num_frames: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Return patches (batch, patches, width) and which are real; see `layers`, `forward`."""
        patches = self.patches(fbank)
        if num_frames is None:
            return patches, None
        return patches, self.patches.valid(num_frames, patches.shape[1])

    def layer_groups(self) -> list[list[nn.Parameter]]:
        """Return all parameters from the input up: the embeddings and their norm, then each block.

        Layer-wise learning-rate decay lowers the rate by one factor from each group to the one
        below it (docs/algorithm.md#layer-decay).
        """
        embeddings = [*self.patches.parameters(), self.cls_token, *self.norm.parameters()]
        return [embeddings, *(list(block.parameters()) for block in self.blocks)]

    def encode(self, patches: Tensor, valid: Tensor | None) -> Tensor:
        """Return the tokens (batch, 1 + patches, width) of the last block; arguments as `layers`.

        No FFN output outlives its block.
        """
        tokens, mask = self._start(patches, valid)
        for block in self.blocks:
            tokens = block(tokens, mask)[0]
        return tokens

    def layers(self, patches: Tensor, valid: Tensor | None) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield tokens and FFN output, (batch, 1 + patches, width) each, after every block.

        Args:
            patches: tokens with positions (batch, patches, width), all of a clip or some
            valid: (batch, patches) bool, false where a clip has no such patch; None = all real
        """
        tokens, mask = self._start(patches, valid)
        for block in self.blocks:
            tokens, ffn = block(tokens, mask)
            yield tokens, ffn

    def _start(self, patches: Tensor, valid: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Return the tokens that enter the first block, CLS first, and the attention's mask."""
        cls = self.cls_token.expand(len(patches), -1, -1).to(patches.dtype)
        tokens = self.norm(torch.cat([cls, patches], dim=1))
        return tokens, None if valid is None else F.pad(valid, (1, 0), value=True)[:, None, None]


def _init_linear(module: nn.Module) -> None:
    """Normal weights of deviation 0.02, zero biases (algorithm.md 9)."""
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
