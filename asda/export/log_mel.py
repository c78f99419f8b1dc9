"""Log-mel features as plain tensor operations, for graphs that take a waveform.

`asda.features.fbank.Fbank` computes the same faster, but for one clip at a time and in memory that
it reuses, which no exporter can follow.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from asda.features.fbank import ENERGY_FLOOR, mel_filters, window_values
from asda.features.fbank_config import FbankConfig


class LogMel(nn.Module):
    """Log-mel features of a batch of waveforms; see asda/features/fbank.py for the formulas.

    The Fourier transform is a product with a matrix of cosines and sines. For frames of 400
    samples it is as exact as the fast one, and onnxruntime computes it faster.

    The mean of the clip (`remove_mean`) is not subtracted, because each frame loses its own mean.

    Args:
        config: settings of the features
    """

    window: Tensor
    fourier: Tensor
    filters: Tensor

    def __init__(self, config: FbankConfig):
        super().__init__()
        self.config = config
        padded = 2 ** (config.frame_length - 1).bit_length()
        self.register_buffer("window", window_values(config))
        self.register_buffer("fourier", _fourier(config.frame_length, padded))
        self.register_buffer("filters", mel_filters(config, padded).T.contiguous())

    def forward(self, waveform: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return log-mel features and their valid frames.

        Args:
            waveform: (batch, samples) float32, at least two frames long; samples beyond the length
                of a clip have no effect on its valid frames
            lengths: (batch,) int64 samples of each clip

        Returns:
            features (batch, frames, mel) float32 and valid frames (batch,) int64
        """
        config = self.config
        if not config.snip_edges:
            waveform = self._reflected(waveform, lengths)
        frames = waveform.unfold(1, config.frame_length, config.frame_shift)
        frames = frames - frames.mean(2, keepdim=True)
        before = torch.cat([frames[..., :1], frames[..., :-1]], dim=2)
        spectrum = ((frames - config.preemphasis * before) * self.window) @ self.fourier
        real, imaginary = spectrum.square().chunk(2, dim=2)  # (batch, frames, lines)
        log_mel = ((real + imaginary) @ self.filters).clamp(min=ENERGY_FLOOR).log()
        return log_mel, self._num_frames(lengths)

    def _num_frames(self, lengths: Tensor) -> Tensor:
        """Return `FbankConfig.num_frames` of each length, (batch,) int64."""
        config = self.config
        if config.snip_edges:
            beyond_first = (lengths - config.frame_length).clamp(min=-config.frame_shift)
            return torch.div(beyond_first, config.frame_shift, rounding_mode="floor") + 1
        counts = torch.div(
            lengths + config.frame_shift // 2, config.frame_shift, rounding_mode="floor"
        )
        return counts * (lengths >= config.frame_length)

    def _reflected(self, waveform: Tensor, lengths: Tensor) -> Tensor:
        """Return the samples that frames cover; each clip continues in reverse at its ends."""
        config, samples = self.config, waveform.shape[1]
        frames = (samples + config.frame_shift // 2) // config.frame_shift
        covered = torch.arange(
            (frames - 1) * config.frame_shift + config.frame_length, device=waveform.device
        )
        index = (covered + config.first_sample)[None]
        index = torch.where(index < 0, -1 - index, index)
        ends = lengths[:, None]
        index = torch.where(index >= ends, 2 * ends - 1 - index, index)
        return waveform.gather(1, index.clamp(min=0, max=samples - 1))


def _fourier(length: int, padded: int) -> Tensor:
    """Return the Fourier matrix (length, padded) float32: cosines of all lines, then their sines.

    Args:
        length: samples of a frame, after which it is padded with zeros
        padded: samples of a padded frame; half as many lines lie below half the sample rate
    """
    samples = torch.arange(length, dtype=torch.float64)
    lines = torch.arange(padded // 2, dtype=torch.float64)
    angles = 2 * math.pi / padded * samples[:, None] * lines
    return torch.cat([angles.cos(), angles.sin()], dim=1).float()
