"""Standard attention with a gate on its output."""

from __future__ import annotations

from torch import Tensor, nn

from asda.model.attention import StandardAttention
from asda.model.model_config import ResolvedModel


class GatedAttention(StandardAttention):
    """Attention whose output, before its projection, is multiplied by sigmoid(x W_g + b_g).

    The gate has a value for each token and channel. It is that of BAT (Ghaffari et al. 2026,
    arXiv:2602.16305; `Attention` in models/vit.py of its code at commit 34632af), and the
    elementwise gate after the softmax of Qiu et al. 2025 (arXiv:2505.06708), with a bias
    (docs/algorithm.md#gated-attention).
    """

    def __init__(self, config: ResolvedModel):
        super().__init__(config)
        self.gate = nn.Linear(config.width, config.width, bias=config.attention.bias)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Return (batch, tokens, width); arguments as in `StandardAttention`."""
        return self.proj(self.attended(x, mask) * self.gate(x).sigmoid())
