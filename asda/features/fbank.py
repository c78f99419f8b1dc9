"""The log-mel filterbank (algorithm.md 2.3)."""

from __future__ import annotations

import torch
from torch import Tensor

from asda.features.config import FbankConfig

FLOOR = 1.1920928955078125e-07  # the smallest energy, float32's epsilon


class Fbank:
    """Waveforms to log-mel features, equal to `torchaudio.compliance.kaldi.fbank`."""

    def __init__(self, config: FbankConfig):
        self.config = config
        length = config.frame_length
        self.fft_size = 1 << (length - 1).bit_length()
        window = torch.hann_window(length, periodic=False, dtype=torch.float64)
        if config.window == "povey":
            window = window**0.85
        self.window = window.float()
        self.filters = mel_filters(config, self.fft_size).float()

    def __call__(self, waveform: Tensor) -> Tensor:
        """Return features (frames, mel) float32 of a mono waveform (samples,) in [-1, 1).

        Raises:
            ValueError: if the waveform is shorter than one window.
        """
        config = self.config
        if len(waveform) < config.frame_length:
            raise ValueError(
                f"{len(waveform)} samples are fewer than one window of {config.frame_length}"
            )
        if config.remove_mean:
            waveform = waveform - waveform.mean()
        frames = waveform.unfold(0, config.frame_length, config.frame_shift)
        frames = frames - frames.mean(dim=1, keepdim=True)
        # Each frame's own first sample stands before it.
        emphasised = torch.empty_like(frames)
        torch.sub(frames[:, 1:], frames[:, :-1], alpha=config.preemphasis, out=emphasised[:, 1:])
        emphasised[:, 0] = frames[:, 0] * (1 - config.preemphasis)
        emphasised *= self.window
        spectrum = torch.fft.rfft(emphasised, n=self.fft_size)[:, : self.fft_size // 2]
        power = torch.view_as_real(spectrum).square().sum(dim=2)
        return (power @ self.filters).clamp_(min=FLOOR).log_()


def mel_filters(config: FbankConfig, fft_size: int) -> Tensor:
    """Return triangles in the mel domain, (fft_size / 2, mel) float64; no weight for Nyquist."""
    low, high = (
        _mel(torch.tensor(f, dtype=torch.float64)) for f in (config.low_freq, config.upper_freq)
    )
    step = (high - low) / (config.num_mel_bins + 1)
    left = low + step * torch.arange(config.num_mel_bins, dtype=torch.float64)
    lines = _mel(torch.arange(fft_size // 2, dtype=torch.float64) * config.sample_rate / fft_size)
    up = (lines[:, None] - left) / step
    return torch.minimum(up, 2 - up).clamp(min=0)


def _mel(frequency: Tensor) -> Tensor:
    return 1127.0 * (1.0 + frequency / 700.0).log()
