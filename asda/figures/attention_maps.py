"""The attention maps of an encoder, computed again from the input of each block.

The model itself never holds a map in memory (docs/algorithm.md#differential-attention). Here the
projections of a block are applied once more to its input, so that nothing in the model changes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from asda.kernels.differential_attention import softmax_map
from asda.model.attention import DifferentialAttention, StandardAttention, split_heads
from asda.model.diff_v2_attention import DiffV2Attention
from asda.model.encoder import Encoder


@dataclass
class AttentionMaps:
    """The maps of one layer, each (batch, heads, tokens, tokens) float32: a row per query.

    Token 0 is CLS; patches follow, ordered by time and then by frequency.

    Attributes:
        layer: number of the block, from 1
        first: the first softmax map, or the only one
        second: the second softmax map; None = there is one only
        lam: λ, the factor of the second map, of each head and query (batch, heads, tokens, 1) if
            the model computes it from them; 0 where there is one map
    """

    layer: int
    first: Tensor
    second: Tensor | None
    lam: float | Tensor

    @property
    def difference(self) -> Tensor:
        """What the values are weighted with: first - λ second, whose weights may be negative."""
        return self.first if self.second is None else self.first - self.lam * self.second


@torch.no_grad()
def attention_maps(
    encoder: Encoder, fbank: Tensor, num_frames: Tensor | None, layers: Collection[int]
) -> Iterator[AttentionMaps]:
    """Yield the maps of some layers from the lowest up; only those of one are held at a time.

    Args:
        encoder: an encoder in evaluation mode
        fbank: normalised features (batch, frames, mel), padded with zeros
        num_frames: (batch,) int64 valid frames, None = all
        layers: numbers of blocks, from 1
    """
    entered: list[tuple[Tensor, Tensor | None]] = []

    def keep(_module: nn.Module, arguments: tuple[Tensor, Tensor | None]) -> None:
        entered.append(arguments)

    attentions = [block.get_submodule("attn") for block in encoder.blocks]
    hooks = [attention.register_forward_pre_hook(keep) for attention in attentions]
    try:
        patches, valid = encoder.embed_patches(fbank, num_frames)
        for layer, _ in enumerate(encoder.hidden_states(patches, valid), 1):
            x, mask = entered.pop()
            if layer in layers:
                yield AttentionMaps(layer, *maps_of(attentions[layer - 1], x, mask))
            if layer == max(layers):
                return
    finally:
        for hook in hooks:
            hook.remove()


def maps_of(
    attention: nn.Module, x: Tensor, mask: Tensor | None
) -> tuple[Tensor, Tensor | None, float | Tensor]:
    """Return first map, second map (None = there is one only) and λ for the input of a block.

    Args:
        attention: attention of the block
        x: the input, (batch, tokens, width)
        mask: (batch, 1, 1, tokens) bool, false at tokens that must not be attended to
    """
    if isinstance(attention, DifferentialAttention):
        parts = attention.qk(x).chunk(4, dim=2)
        q1, q2, k1, k2 = (split_heads(part, attention.heads).float() for part in parts)
        return softmax_map(q1, k1, mask), softmax_map(q2, k2, mask), float(attention.lam)
    if isinstance(attention, DiffV2Attention):
        q1, q2, k, _, lam = (part.float() for part in attention.projected(x))
        return softmax_map(q1, k, mask), softmax_map(q2, k, mask), lam
    assert isinstance(attention, StandardAttention)  # also GatedAttention, whose maps are the same
    q, k, _ = (split_heads(part, attention.heads) for part in attention.qkv(x).chunk(3, dim=2))
    return softmax_map(q.float(), k.float(), mask), None, 0.0
