"""The networks of trained probes: a linear layer, attentive pooling, prototypes."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from asda.probing.clip_embeddings import TokenBatch

HEAD_WIDTH = 64  # of attentive pooling, as in the usual ViT


class LinearNetwork(nn.Module):
    """A linear layer on standardised vectors.

    Args:
        vectors: of the training clips (clips, width) float32, by which all are standardised
        classes: number of logits
    """

    mean: Tensor
    std: Tensor

    def __init__(self, vectors: Tensor, classes: int):
        super().__init__()
        self.register_buffer("mean", vectors.mean(0))
        self.register_buffer("std", vectors.std(0, correction=0).clamp(min=1e-6))
        self.linear = nn.Linear(vectors.shape[1], classes)

    def forward(self, vectors: Tensor) -> Tensor:
        """Return logits (batch, classes) of vectors (batch, width)."""
        return self.linear((vectors - self.mean) / self.std)


class AttentiveNetwork(nn.Module):
    """Attention of one learned query over all tokens, then a linear layer.

    Tokens are normalised, the CLS token is one of them, and several layers are concatenated.

    Args:
        width: of all layers together
        classes: number of logits
    """

    def __init__(self, width: int, classes: int):
        super().__init__()
        heads = next(n for n in range(max(1, width // HEAD_WIDTH), 0, -1) if width % n == 0)
        self.norm = nn.LayerNorm(width)
        self.query = nn.Parameter(0.02 * torch.randn(1, 1, width))
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.pooled_norm = nn.LayerNorm(width)
        self.linear = nn.Linear(width, classes)

    def forward(self, batch: TokenBatch) -> Tensor:
        """Return logits (batch, classes)."""
        tokens = torch.cat([batch.cls[:, None], batch.patches], dim=1).flatten(2)
        tokens = self.norm(tokens)
        padding = F.pad(~batch.valid, (1, 0), value=False)
        query = self.query.expand(len(tokens), -1, -1)
        pooled = self.attention(query, tokens, tokens, padding, need_weights=False)[0]
        return self.linear(self.pooled_norm(pooled[:, 0]))


class PrototypeNetwork(nn.Module):
    """Convex gated probing of BAT (arXiv 2602.16305).

    Tokens of all layers are scaled to length 1 and mixed by convex weights, one for each layer.
    Cosine similarities to prototypes follow; their largest and smallest value over the patches and
    that of the CLS token are the input of a linear layer. With 768 channels, 10,000 prototypes and
    527 classes these are the 23.5 million parameters of the paper.

    Args:
        layers: number of layers
        width: of one layer
        prototypes: number of prototypes
        classes: number of logits
    """

    def __init__(self, layers: int, width: int, prototypes: int, classes: int):
        super().__init__()
        self.gate = nn.Parameter(torch.zeros(layers))
        self.prototypes = nn.Parameter(torch.randn(prototypes, width))
        self.linear = nn.Linear(3 * prototypes, classes)

    def layer_weights(self) -> Tensor:
        """Return the weights of the layers (layers,), which sum to 1."""
        return self.gate.softmax(0)

    def forward(self, batch: TokenBatch) -> Tensor:
        """Return logits (batch, classes)."""
        patches = self._similarities(batch.patches)  # (batch, patches, prototypes)
        padding = ~batch.valid[..., None]
        most = patches.masked_fill(padding, -torch.inf).amax(1)
        least = patches.masked_fill(padding, torch.inf).amin(1)
        return self.linear(torch.cat([most, least, self._similarities(batch.cls)], dim=1))

    def _similarities(self, tokens: Tensor) -> Tensor:
        """Return cosines (..., prototypes) of tokens (..., layers, width) and prototypes."""
        mixed = torch.einsum("l,...lw->...w", self.layer_weights(), F.normalize(tokens, dim=-1))
        return F.normalize(mixed, dim=-1) @ F.normalize(self.prototypes, dim=-1).T
