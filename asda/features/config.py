"""What log-mel features are (typed configuration, no torch import)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass
class FbankConfig:
    """Kaldi-compatible log-mel filterbank (algorithm.md 2.3).

    Args:
        sample_rate: rate that audio is resampled to, in Hz
        num_mel_bins: bands
        frame_length_ms: window, in milliseconds
        frame_shift_ms: from one window to the next, in milliseconds
        window: "hanning" is symmetric; "povey" is its 0.85th power, Kaldi's own
        low_freq: lower edge of the lowest band, in Hz
        high_freq: upper edge of the highest band, in Hz (0 = half the sample rate)
        preemphasis: coefficient of the high-pass filter inside a frame
        remove_mean: subtract the mean of the clip first, as the reference does
    """

    sample_rate: int = 16000
    num_mel_bins: int = 128
    frame_length_ms: float = 25.0
    frame_shift_ms: float = 10.0
    window: Literal["hanning", "povey"] = "hanning"
    low_freq: float = 20.0
    high_freq: float = 0.0
    preemphasis: float = 0.97
    remove_mean: bool = True

    def __post_init__(self) -> None:
        for name in ("sample_rate", "num_mel_bins", "frame_length_ms", "frame_shift_ms"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be above 0, not {getattr(self, name)}")
        if not 0 <= self.low_freq < self.upper_freq <= self.sample_rate / 2:
            raise ValueError(
                f"low_freq {self.low_freq} and high_freq {self.high_freq} must rise and lie in"
                f" 0..{self.sample_rate / 2:g} Hz, half the sample rate"
            )

    @property
    def upper_freq(self) -> float:
        return self.high_freq or self.sample_rate / 2

    @property
    def frame_length(self) -> int:
        """Window in samples."""
        return int(self.sample_rate * self.frame_length_ms / 1000)

    @property
    def frame_shift(self) -> int:
        """Step in samples."""
        return int(self.sample_rate * self.frame_shift_ms / 1000)

    def num_frames(self, samples: int) -> int:
        """Return the whole windows in so many samples."""
        return max(0, 1 + (samples - self.frame_length) // self.frame_shift)
