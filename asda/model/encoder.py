"""The transformer encoder over patch tokens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from asda.model.attention import make_attention
from asda.model.model_config import ResolvedModel
from asda.model.patches import PatchEmbedding
from asda.model.pooling import Layer

NORM_EPS = 1e-6


class Mlp(nn.Module):
    """Two linear layers with a GELU between them."""

    def __init__(self, width: int, hidden: int):
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.gelu = nn.GELU()
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(self.gelu(self.fc1(x)))


class Block(nn.Module):
    """Attention and MLP, each followed by its residual sum and a norm (docs/algorithm.md#block)."""

    def __init__(self, config: ResolvedModel, index: int, drop_path: float):
        super().__init__()
        self.drop_path = drop_path
        self.attn = make_attention(config, index)
        self.norm1 = nn.LayerNorm(config.width, eps=NORM_EPS)
        self.mlp = Mlp(config.width, int(config.mlp_ratio * config.width))
        self.norm2 = nn.LayerNorm(config.width, eps=NORM_EPS)

    def forward(self, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return the tokens and the MLP's own output, both (batch, tokens, width)."""
        x = self.norm1(x + self._drop_path(self.attn(x, mask)))
        ffn = self.mlp(x)
        return self.norm2(x + self._drop_path(ffn)), ffn

    def _drop_path(self, branch: Tensor) -> Tensor:
        """Drop a residual branch of whole clips at random, and scale it up in the others."""
        if not self.training or self.drop_path == 0:
            return branch
        surviving = torch.rand(branch.shape[0], 1, 1, device=branch.device) >= self.drop_path
        return branch * (surviving / (1 - self.drop_path)).to(branch.dtype)


@dataclass
class EncoderOutput:
    """Tokens (batch, 1 + patches, width), CLS first, and which of them are valid (None = all)."""

    tokens: Tensor
    valid: Tensor | None


class Encoder(nn.Module):
    """Patches, a CLS token and transformer blocks.

    Args:
        config: resolved configuration
        drop_path: rate of dropped branches in the top block; it rises linearly from 0
    """

    def __init__(self, config: ResolvedModel, drop_path: float = 0.0):
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
            num_frames: (batch,) int64 valid frames, None = all
        """
        patches, valid = self.embed_patches(fbank, num_frames)
        return EncoderOutput(self.encode(patches, valid), _with_cls(valid))

    def embed_patches(
        self, fbank: Tensor, num_frames: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """Return patches (batch, patches, width) and which of them are valid; see `forward`."""
        patches = self.patches(fbank)
        if num_frames is None:
            return patches, None
        return patches, self.patches.valid(num_frames, patches.shape[1])

    def layers(self, fbank: Tensor, num_frames: Tensor | None = None) -> Iterator[Layer]:
        """Yield the patch embeddings as layer 0, then the tokens after every block; see `forward`.

        A layer is computed when it is asked for.
        """
        patches, valid = self.embed_patches(fbank, num_frames)
        yield Layer(patches, valid, None)
        for tokens, _ in self.hidden_states(patches, valid):
            yield Layer(tokens[:, 1:], valid, tokens[:, 0])

    def layer_groups(self) -> list[list[nn.Parameter]]:
        """Return all parameters from the input up: the embeddings and their norm, then each block.

        Layer-wise learning-rate decay lowers the rate by one factor from each group to the one
        below it (docs/algorithm.md#layer-decay).
        """
        embeddings = [*self.patches.parameters(), self.cls_token, *self.norm.parameters()]
        return [embeddings, *(list(block.parameters()) for block in self.blocks)]

    def encode(self, patches: Tensor, valid: Tensor | None) -> Tensor:
        """Return the tokens (batch, 1 + patches, width) of the last block.

        Like the last item of `hidden_states`, but each MLP output is freed at once.
        """
        tokens, mask = self._prepend_cls(patches, valid)
        for block in self.blocks:
            tokens = block(tokens, mask)[0]
        return tokens

    def hidden_states(
        self, patches: Tensor, valid: Tensor | None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield tokens and MLP output, (batch, 1 + patches, width) each, after every block.

        Args:
            patches: tokens with positions (batch, patches, width), all patches of a clip or some
            valid: (batch, patches) bool, false where a clip has no such patch; None = all valid
        """
        tokens, mask = self._prepend_cls(patches, valid)
        for block in self.blocks:
            tokens, ffn = block(tokens, mask)
            yield tokens, ffn

    def _prepend_cls(self, patches: Tensor, valid: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Return the tokens that enter the first block, CLS first, and the attention's mask."""
        cls = self.cls_token.expand(patches.shape[0], -1, -1).to(patches.dtype)
        tokens = self.norm(torch.cat([cls, patches], dim=1))  # (batch, 1 + patches, width)
        valid = _with_cls(valid)
        return tokens, None if valid is None else valid[:, None, None]


def _with_cls(valid: Tensor | None) -> Tensor | None:
    """Return (batch, 1 + patches) of (batch, patches); the CLS token is always valid."""
    return None if valid is None else F.pad(valid, (1, 0), value=True)


def _init_linear(module: nn.Module) -> None:
    """Draw weights with a standard deviation of 0.02, zero biases.

    (docs/algorithm.md#initialisation)
    """
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
