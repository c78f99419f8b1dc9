"""From a spectrogram to patch tokens with positions."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from asda.model.model_config import ResolvedModel, patch_grid


class PatchEmbedding(nn.Module):
    """Cut a spectrogram into patches, project each, and add its position.

    Tokens are ordered by time, then by frequency from low to high. A clip may have any number of
    frames; a last patch that is not full is filled with zeros, the mean of normalised features
    (docs/algorithm.md#patches).
    """

    def __init__(self, config: ResolvedModel):
        super().__init__()
        patch = config.patch
        self.patch = patch
        self.num_freq = patch_grid(config, 1)[1]
        self.width = config.width
        self.mel_bins = config.mel_bins
        self.proj = nn.Conv2d(
            1, config.width, (patch.time, patch.freq), (patch.time_stride, patch.freq_stride)
        )
        # Xavier initialisation of the projection (docs/algorithm.md#initialisation)
        bound = math.sqrt(6 / (config.width + patch.time * patch.freq))
        nn.init.uniform_(self.proj.weight, -bound, bound)

    def forward(self, fbank: Tensor) -> Tensor:
        """Return tokens (batch, patches, width) of normalised features (batch, frames, mel).

        Raises:
            ValueError: if the features are of another shape.
        """
        if fbank.ndim != 3 or fbank.shape[2] != self.mel_bins:
            raise ValueError(
                f"features of shape {tuple(fbank.shape)}; the model takes (batch, frames,"
                f" {self.mel_bins}), of {self.mel_bins} mel bins"
            )
        fbank = F.pad(fbank, (0, 0, 0, self._missing(fbank.shape[1])))
        grid = self._project(fbank)  # (batch, time, freq, width)
        positions = self.patch.position_scale * sincos_positions(
            grid.shape[1], self.num_freq, self.width, fbank.device
        )
        return grid.flatten(1, 2) + positions.to(grid.dtype)

    def _project(self, fbank: Tensor) -> Tensor:
        """Return the projection of each patch, (batch, time, freq, width)."""
        if torch.compiler.is_exporting():  # with any number of frames
            return self.proj(fbank[:, None]).permute(0, 2, 3, 1)
        # On CPUs a product of cut patches is up to three times as fast as the convolution.
        patch = self.patch
        rows = fbank.unfold(1, patch.time, patch.time_stride)
        patches = rows.unfold(2, patch.freq, patch.freq_stride).flatten(3)
        return F.linear(patches, self.proj.weight.flatten(1), self.proj.bias)

    def _missing(self, frames: int) -> int:
        """Return how many frames are missing from the last patch."""
        if frames < self.patch.time:
            return self.patch.time - frames
        return (self.patch.time - frames) % self.patch.time_stride

    def valid(self, num_frames: Tensor, tokens: int) -> Tensor:
        """Return (batch, tokens) bool, true where a patch holds at least one valid frame."""
        tokens_of_clip = self.times(num_frames)[:, None] * self.num_freq
        return torch.arange(tokens, device=num_frames.device) < tokens_of_clip

    def times(self, num_frames: Tensor) -> Tensor:
        """Return how many patches along time hold at least one valid frame, (batch,) int64.

        Args:
            num_frames: valid frames of each clip (batch,) int64
        """
        patch = self.patch
        beyond_first = (num_frames - patch.time).clamp(min=0) + patch.time_stride - 1
        return torch.div(beyond_first, patch.time_stride, rounding_mode="floor") + 1


def sincos_positions(
    num_time: int, num_freq: int, width: int, device: torch.device | str = "cpu"
) -> Tensor:
    """Return the fixed positions (num_time * num_freq, width) float32.

    Sine and cosine of the frequency index fill the first half of the channels, those of the time
    index the second (docs/algorithm.md#positions). They are computed for each length instead of
    being kept in a table: a table that grows with the longest clip would differ between
    processes that train together, and its length would be fixed in an exported model.
    """
    omega = torch.arange(width // 4, device=device, dtype=torch.float32) / (width // 4)
    omega = 1 / 10000**omega
    index = torch.arange(num_time * num_freq, device=device)
    freq = _sincos(num_freq, omega)[index % num_freq]
    time = _sincos(num_time, omega)[index // num_freq]
    return torch.cat([freq, time], dim=1)


def _sincos(count: int, omega: Tensor) -> Tensor:
    """Return sine and cosine of index times frequency, (count, 2 * frequencies)."""
    angles = torch.arange(count, device=omega.device)[:, None] * omega
    return torch.cat([angles.sin(), angles.cos()], dim=1)


def pick(tokens: Tensor, index: Tensor) -> Tensor:
    """Return the tokens at `index` (batch, picked) of (batch, tokens, width)."""
    rows = flat_index(index, tokens.shape[1])
    return tokens.flatten(0, 1).index_select(0, rows).unflatten(0, index.shape)


def placed(tokens: Tensor, index: Tensor, grid: Tensor, num_patches: int) -> Tensor:
    """Return a grid with tokens in their places (batch, num_patches, width).

    Args:
        tokens: (batch, tokens, width)
        index: the patch of each (batch, tokens) int64, -1 = none
        grid: what the other patches hold (batch, num_patches, width), changed in place; if `index`
            may hold -1, it has a further row, which takes the tokens that have no patch
        num_patches: patches of the result
    """
    rows = grid.shape[1]
    if rows > num_patches:
        index = torch.where(index < 0, num_patches, index)
    grid.flatten(0, 1).index_copy_(0, flat_index(index, rows), tokens.flatten(0, 1))
    return grid[:, :num_patches]


def flat_index(index: Tensor, tokens: int) -> Tensor:
    """Return where tokens are after the first two dimensions of (batch, tokens, ...) are joined.

    Args:
        index: tokens of each clip (batch, picked) int64

    Returns:
        (batch * picked,) int64
    """
    first = tokens * torch.arange(index.shape[0], device=index.device)
    return (index + first[:, None]).flatten()


def valid_mean(x: Tensor, valid: Tensor | None) -> Tensor:
    """Return the mean over valid patches, (batch, 1, width), of (batch, patches, width).

    Args:
        valid: (batch, patches) bool, false where a clip has no such patch; None = all are valid
    """
    if valid is None:
        return x.mean(dim=1, keepdim=True)
    weight = valid[..., None] / valid.sum(dim=1)[:, None, None]
    return (x * weight).sum(dim=1, keepdim=True)
