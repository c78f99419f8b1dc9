"""The kinds of attention, by name."""

from __future__ import annotations

from torch import nn

from asda.model.attention import DifferentialAttention, StandardAttention
from asda.model.diff_v2_attention import DiffV2Attention
from asda.model.gated_attention import GatedAttention
from asda.model.model_config import ResolvedModel


def make_attention(config: ResolvedModel, block: int) -> nn.Module:
    """Return the attention of a block (0 = lowest)."""
    if config.attention.kind == "differential":
        return DifferentialAttention(config, block)
    if config.attention.kind == "gated":
        return GatedAttention(config)
    if config.attention.kind == "diff_v2":
        return DiffV2Attention(config)
    return StandardAttention(config)
