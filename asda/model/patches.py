"""From a spectrogram to patch tokens with positions (algorithm.md 3)."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from asda.model.model_config import ModelConfig, patch_grid


class PatchEmbedding(nn.Module):
    """Cut a spectrogram into patches, project each, and add its fixed position.

    The order of the tokens is time-major, low frequencies first. Any number of frames works.
    """

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.config = config
        patch = config.patch
        self.proj = nn.Conv2d(
            1, config.width, (patch.time, patch.freq), (patch.time_stride, patch.freq_stride)
        )
        bound = math.sqrt(6 / (config.width + patch.time * patch.freq))  # Xavier (algorithm.md 9)
        nn.init.uniform_(self.proj.weight, -bound, bound)
        self.register_buffer("positions", self._positions(64), persistent=False)

    def forward(self, fbank: Tensor) -> Tensor:
        """Return tokens (batch, patches, width) of normalised features (batch, frames, mel)."""
        frames = fbank.shape[1]
        time, _ = patch_grid(self.config, frames)
        missing = (time - 1) * self.config.patch.time_stride + self.config.patch.time - frames
        if missing:
            fbank = F.pad(fbank, (0, 0, 0, missing))
        tokens = self.proj(fbank[:, None]).flatten(2).transpose(1, 2)
        return tokens + self._table(time, tokens.shape[1]).to(tokens.dtype)

    def valid(self, num_frames: Tensor, tokens: int) -> Tensor:
        """Return (batch, tokens) bool, true where a patch holds at least one real frame."""
        patch = self.config.patch
        beyond_first = (num_frames - patch.time).clamp(min=0) + patch.time_stride - 1
        time = torch.div(beyond_first, patch.time_stride, rounding_mode="floor") + 1
        own = time * patch_grid(self.config, 1)[1]
        return torch.arange(tokens, device=num_frames.device) < own[:, None]

    def _table(self, num_time: int, tokens: int) -> Tensor:
        if tokens > len(self.positions):
            self.positions = self._positions(2 * num_time).to(self.positions)
        return self.positions[:tokens]

    def _positions(self, num_time: int) -> Tensor:
        num_freq = patch_grid(self.config, 1)[1]
        table = torch.from_numpy(sincos_positions(num_time, num_freq, self.config.width))
        return table * self.config.patch.position_scale


def flat_rows(places: Tensor, tokens: int) -> Tensor:
    """Return where patches lie in a batch of `tokens` each whose first two dimensions are joined.

    Args:
        places: patches of each clip (batch, places) int64

    Returns:
        (batch * places,) int64
    """
    first = tokens * torch.arange(len(places), device=places.device)
    return (places + first[:, None]).flatten()


def pick(tokens: Tensor, places: Tensor) -> Tensor:
    """Return the patches at `places` (batch, places) of (batch, tokens, width)."""
    rows = flat_rows(places, tokens.shape[1])
    return tokens.flatten(0, 1).index_select(0, rows).unflatten(0, places.shape)


def mean_of_real(x: Tensor, valid: Tensor | None) -> Tensor:
    """Return the mean over real patches, (batch, 1, width), of (batch, patches, width).

    Args:
        valid: (batch, patches) bool, false where a clip has no such patch; None = all real
    """
    if valid is None:
        return x.mean(dim=1, keepdim=True)
    weight = valid[..., None] / valid.sum(dim=1)[:, None, None]
    return (x * weight).sum(dim=1, keepdim=True)


def sincos_positions(num_time: int, num_freq: int, width: int) -> np.ndarray:
    """Return the fixed positions (num_time * num_freq, width) float32.

    Sine and cosine of the frequency index fill the first half of the channels, those of the time
    index the second (algorithm.md 3). All steps in float32, as the reference computes them.
    """
    quarter = width // 4
    omega = np.arange(quarter, dtype=np.float32) / np.float32(quarter)
    omega = np.float32(1) / np.float32(10000) ** omega
    time, freq = np.divmod(np.arange(num_time * num_freq), num_freq)
    angles = [index.astype(np.float32)[:, None] * omega for index in (freq, time)]
    return np.concatenate([f(angle) for angle in angles for f in (np.sin, np.cos)], axis=1)
