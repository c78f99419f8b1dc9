"""The transformer encoder over patch tokens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from asda.model.block import NORM_EPS, Block, init_linear
from asda.model.model_config import ResolvedModel
from asda.model.patches import PatchEmbedding
from asda.model.pooling import Layer


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
        self.blocks.apply(init_linear)

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
