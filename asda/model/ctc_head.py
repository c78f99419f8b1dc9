"""The head of recognition: probabilities of units over time, for CTC (Graves et al. 2006)."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor, nn

from asda.model.block import NORM_EPS
from asda.model.heads import Head, register_head
from asda.model.model_config import ResolvedModel, patch_grid

FrequencyRows = Literal["concatenate", "mean"]


@register_head("ctc")
class CtcHead(Head):
    """Encoder, the patches of each time as one vector, LayerNorm, dropout and a linear layer.

    Args:
        config: resolved configuration
        num_units: number of units with the blank, which is unit 0
        frequency: the patches of one time are concatenated, from low to high, or averaged; nothing
            to choose if patches span the whole spectrum
        steps_per_patch: outputs for each time; patches longer than about 40 ms need several, since
            CTC can give no more units than there are steps
        dropout: fraction of the inputs of the linear layer that is dropped
        drop_path: drop-path rate of the top block
    """

    outputs = ("ctc",)

    def __init__(
        self,
        config: ResolvedModel,
        num_units: int,
        frequency: FrequencyRows = "concatenate",
        steps_per_patch: int = 1,
        dropout: float = 0.0,
        drop_path: float = 0.0,
    ):
        if frequency not in get_args(FrequencyRows) or steps_per_patch < 1:
            raise ValueError(f"no CTC head of frequency '{frequency}', {steps_per_patch} steps")
        super().__init__(config, drop_path)
        rows = patch_grid(config, 1)[1]
        self.rows, self.average, self.num_units = rows, frequency == "mean", num_units
        self.steps_per_patch = steps_per_patch
        width = config.width * (1 if self.average else rows)
        self.norm = nn.LayerNorm(width, eps=NORM_EPS)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(width, steps_per_patch * num_units)
        nn.init.trunc_normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)

    def forward(self, fbank: Tensor, num_frames: Tensor | None = None) -> Tensor:
        """Return logits (batch, steps, units) of normalised features (batch, frames, mel)."""
        tokens = self.encoder(fbank, num_frames).tokens[:, 1:]
        grid = tokens.unflatten(1, (-1, self.rows))  # (batch, time, freq, width)
        vectors = grid.mean(dim=2) if self.average else grid.flatten(2)
        logits: Tensor = self.head(self.dropout(self.norm(vectors)))
        # (batch, time, steps_per_patch * units) -> (batch, steps, units)
        return logits.unflatten(2, (self.steps_per_patch, self.num_units)).flatten(1, 2)

    def steps(self, num_frames: Tensor) -> Tensor:
        """Return the number of valid steps of clips of `num_frames` (batch,), (batch,) int64."""
        return self.encoder.patches.times(num_frames) * self.steps_per_patch

    def valid_steps(self, logits: Tensor, num_frames: Tensor | None) -> Tensor:
        """Return the number of valid steps of each clip of a batch, (batch,) int64.

        Args:
            logits: of `forward`
            num_frames: as in `forward`
        """
        if num_frames is None:
            return torch.full(logits.shape[:1], logits.shape[1], device=logits.device)
        return self.steps(num_frames)
