"""Log-mel filterbank features, equal to torchaudio.compliance.kaldi.fbank."""

from __future__ import annotations

import math

import torch

from asda.features.config import FbankConfig

FLOOR = torch.finfo(torch.float32).eps  # of an energy, before the log
BAND = 16  # filters that are applied together; each looks only at the lines its band covers


class Fbank:
    """Log-mel features of one clip (algorithm.md 2.3).

    Each frame loses its mean, is pre-emphasised, windowed and padded with zeros to a power of two;
    the energies of its lines below Nyquist are summed by triangular filters; then the natural log.

    Args:
        config: what the features are made with.
    """

    def __init__(self, config: FbankConfig):
        self.config = config
        self.padded = 2 ** (config.frame_length - 1).bit_length()
        self.window = _window(config)
        self.bands = _bands(mel_filters(config, self.padded))

    def __call__(self, waveform: torch.Tensor) -> torch.Tensor:
        """Return log-mel features (frames, mel) float32 of a waveform (samples,) float32.

        Raises:
            ValueError: if the waveform is shorter than a frame.
        """
        if len(waveform) < self.config.frame_length:
            raise ValueError(
                f"too short: {len(waveform)} samples, a frame has {self.config.frame_length}"
            )
        if self.config.remove_mean:
            waveform = waveform - waveform.mean()
        spectrum = torch.fft.rfft(self._frames(waveform))
        # Real and imaginary parts stay side by side; filters have each of their weights twice.
        energies = torch.view_as_real(spectrum).square_().flatten(1)
        mel = torch.cat([energies[:, begin:end] @ filters for begin, end, filters in self.bands], 1)
        return mel.clamp_(min=FLOOR).log_()

    def _frames(self, waveform: torch.Tensor) -> torch.Tensor:
        """Return windowed frames (frames, padded)."""
        length, shift = self.config.frame_length, self.config.frame_shift
        weight = self.config.preemphasis
        frames = waveform.unfold(0, length, shift)
        means = frames.mean(1, keepdim=True)
        # Pre-emphasis runs over the clip at once. A frame's mean m, which should have gone first,
        # is then left in it as m (1 - weight); a frame's first sample has itself as previous one.
        emphasised = torch.sub(waveform[1:], waveform[:-1], alpha=weight)
        padded = waveform.new_zeros(len(frames), self.padded)
        torch.sub(
            emphasised.unfold(0, length - 1, shift),
            means,
            alpha=1 - weight,
            out=padded[:, 1:length],
        )
        torch.mul(frames[:, :1] - means, 1 - weight, out=padded[:, :1])
        padded[:, :length] *= self.window
        return padded


def _window(config: FbankConfig) -> torch.Tensor:
    length = config.frame_length
    if config.window == "rectangular":
        return torch.ones(length)
    if config.window == "hamming":
        return torch.hamming_window(length, periodic=False)
    hann = torch.hann_window(length, periodic=False)
    return hann.pow(0.85) if config.window == "povey" else hann


def mel_filters(config: FbankConfig, padded: int) -> torch.Tensor:
    """Return weights (mel, padded / 2) of FFT lines: triangles over mel(f) = 1127 ln(1 + f / 700).

    A filter narrower than the distance of two lines may be empty.
    """
    low, high = (1127 * math.log(1 + freq / 700) for freq in (config.low_freq, config.upper_freq))
    step = (high - low) / (config.num_mel_bins + 1)
    # In float32, as torchaudio: in float64, edges of triangles differ from its ones by 1e-5.
    left = low + torch.arange(config.num_mel_bins).unsqueeze(1) * step
    centre, right = (
        low + (torch.arange(config.num_mel_bins).unsqueeze(1) + ahead) * step
        for ahead in (1.0, 2.0)
    )
    freqs = config.sample_rate / padded * torch.arange(padded // 2)
    mel = 1127.0 * (1.0 + freqs / 700.0).log()
    rising, falling = (mel - left) / (centre - left), (right - mel) / (right - centre)
    return torch.minimum(rising, falling).clamp(min=0)


def _bands(filters: torch.Tensor) -> list[tuple[int, int, torch.Tensor]]:
    """Return (begin, end, weights (end - begin, filters)) of neighbouring filters.

    They are for the interleaved real and imaginary parts of a spectrum.
    """
    bands = []
    for band in filters.split(BAND):
        lines = band.any(0).nonzero()
        begin, end = (int(lines.min()), int(lines.max()) + 1) if len(lines) else (0, 0)
        weights = band[:, begin:end].T.repeat_interleave(2, 0).contiguous()
        bands.append((2 * begin, 2 * end, weights))
    return bands
