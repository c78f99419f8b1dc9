"""Average the channels of audio block by block, and refuse audio that cannot be used."""

from __future__ import annotations

import numpy as np

from asda.audio.audio_error import AudioError

OVERSHOOT = 0.5  # seconds by which segments may exceed the audio, since their times are rounded
CANCELLED = 1e-4  # power of the mean of all channels, as a fraction of their own mean power


class MonoMix:
    """The mean of all channels, or one of them; `finish` judges the audio as a whole.

    Args:
        start: seconds into the recording at which the audio begins
        end: seconds into the recording; None = to its end
        channel: number of the channel, from 0; None = the mean of all channels
        keep_silent: allow audio of which all samples are equal
    """

    def __init__(self, start: float, end: float | None, channel: int | None, keep_silent: bool):
        self.start, self.end = start, end
        self.channel = channel
        self.silent = not keep_silent  # until two samples differ
        self.level: float | None = None  # the first sample
        self.samples = 0
        self.rate = 0
        self.power = self.mono_power = 0.0  # sums of squares, of several channels only

    def add(self, samples: np.ndarray, rate: int) -> np.ndarray:
        """Return the next block (samples, channels) float32 as mono (samples,).

        Raises:
            AudioError: if the channel does not exist, or samples are not finite.
        """
        if self.channel is not None and self.channel >= samples.shape[1]:
            raise AudioError(f"no channel {self.channel}: there are {samples.shape[1]}, from 0")
        self.samples += len(samples)
        self.rate = rate
        mono = _mean(samples) if self.channel is None else samples[:, self.channel]
        if not len(mono):
            return mono
        least, greatest = mono.min(), mono.max()
        if not np.isfinite(least) or not np.isfinite(greatest):  # a single NaN makes both NaN
            raise AudioError("not finite: samples are NaN or infinite")
        self.level = float(mono[0]) if self.level is None else self.level
        self.silent = self.silent and bool(least == greatest == self.level)
        if self.channel is None and samples.shape[1] > 1:
            self.power += float(np.vdot(samples, samples)) / samples.shape[1]
            self.mono_power += float(np.vdot(mono, mono))
        return mono

    def finish(self) -> None:
        """Judge the audio after its last block.

        Raises:
            AudioError: if it was empty, shorter than its segment or silent, or if its channels
                cancel each other.
        """
        if not self.samples:
            start = f" from {self.start:g} s" if self.start else ""
            raise AudioError(f"empty: no audio{start}")
        end = self.start + self.samples / self.rate
        if self.end is not None and end < self.end - OVERSHOOT:
            raise AudioError(f"too short: ends at {end:.2f} s, its segment at {self.end:g} s")
        if self.power > 0 and self.mono_power < CANCELLED * self.power:
            raise AudioError(
                "its channels cancel each other in their mean; choose one in wav.scp: "
                "sox FILE -t wav - remix 1 |"
            )
        if self.silent:
            raise AudioError(f"silent: all {self.samples} samples are {self.level:g}")


def _mean(samples: np.ndarray) -> np.ndarray:
    channels = samples.shape[1]
    if channels == 1:
        return samples[:, 0]
    # A matrix product: numpy's mean over a short axis takes 20 times as long.
    return samples @ np.full(channels, 1 / channels, np.float32)
