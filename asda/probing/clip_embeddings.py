"""What a frozen encoder says about the clips of a data directory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from asda.model.model_config import Pooling

# Slots of `ClipEmbeddings.pooled`, and those that make up each kind of pooling.
SLOTS: dict[Pooling, list[int]] = {"cls": [0], "mean": [1], "statistics": [1, 2]}


class Contents(NamedTuple):
    """What is kept of each clip.

    Args:
        layers: numbers of the layers, from 0
        tokens: whether the patch tokens are kept, not only the vectors that they are pooled to
    """

    layers: tuple[int, ...]
    tokens: bool

    def include(self, other: Contents) -> bool:
        return set(self.layers) >= set(other.layers) and self.tokens >= other.tokens


class TokenBatch(NamedTuple):
    """The tokens of some clips.

    Attributes:
        patches: (batch, patches, layers, width) float32, zero where they are padding
        valid: (batch, patches) bool
        cls: (batch, layers, width) float32, zero at layer 0
    """

    patches: Tensor
    valid: Tensor
    cls: Tensor


class ClipEmbeddings:
    """Embeddings of the clips of a data directory.

    Args:
        utterances: IDs of the clips whose audio can be used
        bad: utterance -> reason of the others
        layers: numbers of the layers
        pooled: (clips, layers, 3, width) float32: the CLS token (zero at layer 0), then mean and
            standard deviation of the patch tokens
        lengths: patch tokens of each clip (clips,) int64
        tokens: those of all clips, one behind the other, (tokens, layers, width) float16; None =
            not kept
    """

    def __init__(
        self,
        utterances: list[str],
        bad: dict[str, str],
        layers: Sequence[int],
        pooled: np.ndarray,
        lengths: np.ndarray,
        tokens: np.ndarray | None,
    ):
        self.utterances, self.bad, self.layers = utterances, bad, list(layers)
        self.pooled, self.lengths, self.tokens = pooled, lengths, tokens
        self.starts = np.concatenate([[0], np.cumsum(lengths)])

    def vectors(self, rows: np.ndarray, layers: Sequence[int], pooling: Pooling) -> np.ndarray:
        """Return one vector per clip, those of several layers concatenated, (clips, any) float32.

        Args:
            rows: of the clips, an index array
            layers: numbers of layers that are among `self.layers`
            pooling: as in `AudioModel.embed`
        """
        chosen = self.pooled[rows][:, self._places(layers)][:, :, SLOTS[pooling]]
        return chosen.reshape(len(chosen), -1)

    def batch(self, rows: np.ndarray, layers: Sequence[int], device: torch.device) -> TokenBatch:
        """Return the tokens of chosen layers of the clips in `rows`, an index array."""
        assert self.tokens is not None, "the tokens were not kept"
        places = self._places(layers)
        longest = int(self.lengths[rows].max())
        shape = len(rows), longest, len(places), self.tokens.shape[2]
        patches = np.zeros(shape, np.float16)
        for clip, row in zip(patches, rows, strict=True):
            own = self.tokens[self.starts[row] : self.starts[row + 1]]
            clip[: len(own)] = own[:, places]
        counts = torch.from_numpy(self.lengths[rows])
        valid = torch.arange(longest) < counts[:, None]
        cls = torch.from_numpy(self.pooled[rows][:, places, 0])
        tokens = torch.from_numpy(patches).to(device).float()
        return TokenBatch(tokens, valid.to(device), cls.to(device))

    def _places(self, layers: Sequence[int]) -> list[int]:
        return [self.layers.index(number) for number in layers]
