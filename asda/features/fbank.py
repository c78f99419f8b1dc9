"""Log-mel filterbank features, equal to torchaudio.compliance.kaldi.fbank."""

from __future__ import annotations

import math
import threading

import numpy as np
import torch

from asda.features.fbank_config import FbankConfig

FLOOR = torch.finfo(torch.float32).eps  # of an energy, before the log
BAND = 16  # filters that are applied together; each looks only at the lines its band covers
MOST_FRAMES = 1024  # computed together: memory stays the same for any length of a clip


class Fbank:
    """Log-mel features of one clip (algorithm.md 2.3).

    Each frame loses its mean, is pre-emphasised, windowed and padded with zeros to a power of two;
    the energies of its lines below Nyquist are summed by triangular filters; then the natural log.
    Several threads may use one object.

    Args:
        config: what the features are made with.
    """

    def __init__(self, config: FbankConfig):
        self.config = config
        self.length, self.shift = config.frame_length, config.frame_shift
        self.window = _window(config)
        self.begins_at_zero = not self.window[0]
        self.space = _Space(config)

    def __reduce__(self) -> tuple:
        return Fbank, (self.config,)

    def __call__(self, waveform: torch.Tensor) -> torch.Tensor:
        """Return log-mel features (frames, mel) float32 of a waveform (samples,) float32.

        Raises:
            ValueError: if the waveform is shorter than a frame.
        """
        frames = self.config.num_frames(len(waveform))
        if not frames:
            raise ValueError(f"too short: {len(waveform)} samples, a frame has {self.length}")
        log_mel = np.empty((frames, self.config.num_mel_bins), np.float32)
        with torch.inference_mode():  # else a clip of 1 s takes 6 % longer
            if self.config.remove_mean:
                waveform = waveform - waveform.mean()
            for first in range(0, frames, MOST_FRAMES):
                part = log_mel[first : first + MOST_FRAMES]
                begin, samples = first * self.shift, (len(part) - 1) * self.shift + self.length
                self._write(part, waveform[begin : begin + samples])
        return torch.from_numpy(log_mel)

    def _write(self, log_mel: np.ndarray, waveform: torch.Tensor) -> None:
        """Write log-mel features of the frames of a stretch."""
        space = self.space.of(len(log_mel))
        weight = self.config.preemphasis
        # Pre-emphasis runs over all frames at once. A frame's mean m, which should have gone first,
        # is then left in it as m (1 - weight); a frame's first sample has itself as previous one.
        frames = waveform.unfold(0, self.length, self.shift)
        means = frames.mean(1, keepdim=True)
        emphasised = torch.sub(waveform[1:], waveform[:-1], alpha=weight)
        rests = emphasised.unfold(0, self.length - 1, self.shift)
        torch.sub(rests, means, alpha=1 - weight, out=space.rests)
        if not self.begins_at_zero:
            torch.mul(frames[:, :1] - means, 1 - weight, out=space.firsts)
        space.samples.mul_(self.window)
        squares = torch.view_as_real(torch.fft.rfft(space.padded)).square_()
        torch.add(*squares.unbind(-1), out=space.energies)
        for lines, weights, mel in space.bands:
            torch.mm(lines, weights, out=mel)
        space.mel.clamp_(min=FLOOR)
        np.log(space.mel.numpy(), out=log_mel)  # in a third of the time of torch's


class _Space(threading.local):
    """Memory that a thread computes in; to be given it anew would take as long as the sums.

    Attributes are views of the rows that are in use; to make them takes time too.
    """

    def __init__(self, config: FbankConfig):
        padded = 2 ** (config.frame_length - 1).bit_length()
        self.filters = _bands(mel_filters(config, padded))
        self.length = config.frame_length
        self.all_padded = torch.zeros(MOST_FRAMES, padded)
        self.all_energies = torch.empty(MOST_FRAMES, padded // 2 + 1)
        self.all_mel = torch.empty(MOST_FRAMES, config.num_mel_bins)
        self.frames = -1

    def of(self, frames: int) -> _Space:
        """Return it with views of so many rows."""
        if frames != self.frames:
            self.frames = frames
            self.padded = self.all_padded[:frames]
            self.samples = self.padded[:, : self.length]
            self.firsts, self.rests = self.samples[:, :1], self.samples[:, 1:]
            self.energies, self.mel = self.all_energies[:frames], self.all_mel[:frames]
            self.bands = [
                (self.energies[:, lines], weights, self.mel[:, filters])
                for lines, weights, filters in self.filters
            ]
        return self


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


def _bands(filters: torch.Tensor) -> list[tuple[slice, torch.Tensor, slice]]:
    """Return neighbouring filters together: (lines, weights (lines, filters), filters)."""
    bands = []
    for first in range(0, len(filters), BAND):
        band = filters[first : first + BAND]
        lines = band.any(0).nonzero()
        begin, end = (int(lines.min()), int(lines.max()) + 1) if len(lines) else (0, 0)
        weights = band[:, begin:end].T.contiguous()
        bands.append((slice(begin, end), weights, slice(first, first + len(band))))
    return bands
