"""Settings of log-mel features (typed configuration, no torch import)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from asda.configuration import differences


@dataclass(frozen=True)
class FbankConfig:
    """Log-mel filterbank features (docs/algorithm.md#features).

    Args:
        sample_rate: sample rate in Hz; audio at other rates is resampled
        resampler: resampler of such audio: "soxr" (quality HQ), or "torchaudio" (windowed sinc) as
            in the reference
        num_mel_bins: number of triangular filters, evenly spaced on the mel scale
        frame_length_ms: length of a frame in ms
        frame_shift_ms: time from the start of a frame to the start of the next, in ms
        window: window function of a frame, in its symmetric form
        low_freq: lower edge of the first filter in Hz
        high_freq: upper edge of the last filter in Hz (0 = half the sample rate)
        preemphasis: coefficient of the pre-emphasis: the fraction of the previous sample that is
            subtracted from each sample
        remove_mean: whether the mean of the clip is subtracted first
        snip_edges: true gives whole frames only, the first at the start of the clip. false gives
            one frame for each shift, centred in that shift; beyond either end such a frame sees the
            samples of the clip in reverse (Kaldi's --snip-edges=false)
        keep_silent: whether features of digital silence (all samples equal) are computed too;
            otherwise such audio counts as unusable

    Raises:
        ValueError: if a value is out of range.
    """

    sample_rate: int = 16000
    resampler: Literal["soxr", "torchaudio"] = "soxr"
    num_mel_bins: int = 128
    frame_length_ms: float = 25.0
    frame_shift_ms: float = 10.0
    window: Literal["hanning", "hamming", "povey", "rectangular"] = "hanning"
    low_freq: float = 20.0
    high_freq: float = 0.0
    preemphasis: float = 0.97
    remove_mean: bool = True
    snip_edges: bool = True
    keep_silent: bool = False

    def __post_init__(self) -> None:
        nyquist = self.sample_rate / 2
        ranges = {
            "sample_rate": (1, 1e6),
            "num_mel_bins": (4, 4096),
            "frame_length_ms": (0, 1000),
            "frame_shift_ms": (0, 1000),
            "preemphasis": (0, 1),
            "low_freq": (0, nyquist),
            "high_freq": (0, nyquist),
        }
        for name, (low, high) in ranges.items():
            if not low <= getattr(self, name) <= high:
                raise ValueError(
                    f"{name} must be from {low:g} to {high:g}, not {getattr(self, name)}"
                )
        if self.upper_freq <= self.low_freq:
            raise ValueError(f"high_freq {self.high_freq} must be above low_freq {self.low_freq}")
        if self.frame_shift < 1 or self.frame_length < 2:
            raise ValueError(
                f"a frame of {self.frame_length_ms} ms, shifted by {self.frame_shift_ms} ms, "
                f"is shorter than 2 samples, shifted by 1, at {self.sample_rate} Hz"
            )

    @property
    def upper_freq(self) -> float:
        """Upper edge of the last filter in Hz."""
        return self.high_freq or self.sample_rate / 2

    @property
    def frame_length(self) -> int:
        """Samples per frame."""
        return int(self.sample_rate * self.frame_length_ms * 0.001)

    @property
    def frame_shift(self) -> int:
        """Samples from the start of a frame to the start of the next."""
        return int(self.sample_rate * self.frame_shift_ms * 0.001)

    def filter_position(self, frequency: float) -> float:
        """Return where a frequency in Hz lies among the filters.

        Evenly spaced on the mel scale: filter n (from 0) begins at n, has its peak at n + 1 and
        ends at n + 2.
        """
        low, high, mel = map(_mel, (self.low_freq, self.upper_freq, frequency))
        return (mel - low) * (self.num_mel_bins + 1) / (high - low)

    def filter_frequency(self, position: float) -> float:
        """Return the frequency in Hz at a place among the filters; see `filter_position`."""
        low, high = _mel(self.low_freq), _mel(self.upper_freq)
        return 700 * math.expm1((low + position * (high - low) / (self.num_mel_bins + 1)) / 1127)

    def filters_above(self, frequency: float) -> int:
        """Return the number of filters that lie wholly at or above a frequency in Hz."""
        below = max(0, math.ceil(self.filter_position(frequency) - 1e-9))
        return max(0, self.num_mel_bins - below)

    @property
    def frame_seconds(self) -> float:
        """Seconds from the start of a frame to the start of the next, a whole number of samples."""
        return self.frame_shift / self.sample_rate

    @property
    def first_sample(self) -> int:
        """First sample of the first frame; below 0 where frames reach beyond the clip."""
        return 0 if self.snip_edges else self.frame_shift // 2 - self.frame_length // 2

    def num_frames(self, samples: int) -> int:
        """Return the number of frames of a waveform of `samples` samples."""
        if samples < self.frame_length:
            return 0
        if self.snip_edges:
            return 1 + (samples - self.frame_length) // self.frame_shift
        return (samples + self.frame_shift // 2) // self.frame_shift


def _mel(frequency: float) -> float:
    return 1127 * math.log1p(frequency / 700)


def differing_features(trained: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """Return "key: before -> after" of settings in which features differ from those of a model.

    Args:
        trained: settings of the features that a model was trained on; {} = unknown
        found: those of the features it is given; {} = unknown
    """
    if not trained or not found:
        return []
    # keep_silent decides which audio has features, not what these are.
    return list(differences(trained, found, ignored={"keep_silent"}).values())
