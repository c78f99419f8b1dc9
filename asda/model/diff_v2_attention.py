"""Differential attention of the second version of DIFF Transformer."""

from __future__ import annotations

from torch import Tensor, nn

from asda.kernels.differential_attention import standard_attention
from asda.model.attention import concatenate_heads, split_heads
from asda.model.model_config import ResolvedModel


class DiffV2Attention(nn.Module):
    """Two maps for each head, of two queries and the same keys, subtracted with λ = sigmoid(x W_λ).

    λ has a value for each token and head, and no norm follows. This is DIFF V2 (Ye et al., January
    2026, huggingface.co/blog/microsoft/diff-attn-v2; `MultiheadFlashDiffV2` in
    microsoft/unilm, Diff-Transformer/Diff-Transformer-V2 at commit 31646c5): the query heads 2i
    and 2i + 1 share the keys and values of head i. The projection of λ has no bias, as there; the
    other projections have one if `attention.bias` is set (docs/algorithm.md#diff-v2).
    """

    def __init__(self, config: ResolvedModel):
        super().__init__()
        width, bias = config.width, config.attention.bias
        self.heads = config.heads
        self.q = nn.Linear(width, 2 * width, bias=bias)
        self.kv = nn.Linear(width, 2 * width, bias=bias)
        self.lam = nn.Linear(width, config.heads, bias=False)
        self.proj = nn.Linear(width, width, bias=bias)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Return (batch, tokens, width); arguments as in `StandardAttention`."""
        q1, q2, k, v, lam = self.projected(x)
        # The maps share their values, so that the difference of two attentions is the attention
        # with the difference of the maps.
        first, second = standard_attention(q1, k, v, mask), standard_attention(q2, k, v, mask)
        return self.proj(concatenate_heads(first - lam * second))

    def projected(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Return q1, q2, k and v (batch, heads, tokens, width / heads), and λ.

        λ is (batch, heads, tokens, 1), one for each head and token that attends.

        Args:
            x: (batch, tokens, width)
        """
        queries = split_heads(self.q(x), 2 * self.heads)
        k, v = (split_heads(part, self.heads) for part in self.kv(x).chunk(2, dim=2))
        lam = self.lam(x).sigmoid().transpose(1, 2)[..., None]
        return queries[:, 0::2], queries[:, 1::2], k, v, lam
