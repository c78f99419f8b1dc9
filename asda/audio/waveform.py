"""Audio of a wav.scp entry: files, segments of files, archives and commands."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import numpy as np
import soxr

from asda.audio.audio_error import AudioError as AudioError
from asda.audio.decoding import decode, length, part_of
from asda.audio.hdf5 import packed_length, read_packed
from asda.audio.recording import open_recording
from asda.audio.wav_scp import packed_clip

OVERSHOOT = 0.5  # seconds by which segments may exceed the audio, since their times are rounded
CANCELLED = 1e-4  # power of the mean of all channels, as a fraction of their own mean power


def read_audio(
    source: str,
    sample_rate: int = 16000,
    channel: int | None = None,
    start: float = 0.0,
    end: float | None = None,
    resampler: Literal["soxr", "torchaudio"] = "soxr",
    keep_silent: bool = False,
) -> np.ndarray:
    """Return audio as mono (samples,) float32 at `sample_rate`, integer formats in [-1, 1).

    The result has round(seconds x sample_rate) samples. Channels are averaged before resampling.

    Args:
        source: value of wav.scp: a file, `file.ark:offset`, `file.h5@rate:clip` (needs h5py), or
            `command |` that writes audio to its output; any format that libsndfile reads (WAV,
            FLAC, Ogg, MP3, ...), and other formats if ffmpeg is installed
        sample_rate: sample rate of the result in Hz
        channel: number of the channel, from 0; None = the mean of all channels
        start: seconds into the audio
        end: seconds into the audio; None = to its end
        resampler: "torchaudio" is that of the reference and may give one sample more
        keep_silent: return audio of which all samples are equal, instead of an error

    Raises:
        AudioError: if the audio cannot be read, is truncated, empty, silent (all samples equal),
            shorter than the segment, or has samples that are not finite; whatever fails in a
            library because of this audio is an AudioError.
    """
    check_times(start, end)
    with _one_reason(source):
        samples, rate = _decode(source, start, end)
        mono = _checked(samples, rate, start, end, channel)
        if not keep_silent and mono[0] == mono[-1] and (mono == mono[0]).all():
            raise AudioError(f"silent: all {len(mono)} samples are {mono[0]:g}")
        return _resampled(mono, rate, sample_rate, resampler)


def audio_duration(source: str) -> float:
    """Return the duration of audio in seconds, from its header where that can be trusted.

    Raises:
        AudioError: if the audio cannot be read or is truncated, as in `read_audio`.
    """
    with _one_reason(source):
        if packed := packed_clip(source):
            return packed_length(packed) / packed.rate
        return length(open_recording(source))


def check_times(start: float, end: float | None) -> None:
    """Raise AudioError unless the times of a segment (seconds; end None = open) are possible."""
    stop = "the end" if end is None else f"{end:g} s"
    if not (math.isfinite(start) and math.isfinite(end or 0.0)) or start < 0:
        raise AudioError(f"impossible segment, from {start:g} s to {stop}; correct its times")
    if end is not None and end <= start:
        raise AudioError(f"impossible segment: it ends at {stop} and starts at {start:g} s")


@contextmanager
def _one_reason(source: str) -> Iterator[None]:
    """Turn every failure that one piece of audio causes in a library into an AudioError."""
    try:
        yield
    except (AudioError, ImportError):  # a library that is not installed concerns all audio
        raise
    except OSError as error:
        raise AudioError(f"{error.strerror or error}: {error.filename or source}") from None
    except MemoryError:
        raise AudioError("too long: its samples do not fit into memory") from None
    except Exception as error:
        said = " ".join(str(error).split())
        raise AudioError(f"unreadable: {type(error).__name__}: {said}") from error


def _decode(source: str, start: float, end: float | None) -> tuple[np.ndarray, int]:
    """Return (samples, channels) float32 and the rate; fewer samples where the audio ends."""
    if packed := packed_clip(source):
        first, count = part_of(start, end, packed.rate, packed_length(packed))
        return read_packed(packed, first, count), packed.rate
    return decode(open_recording(source), start, end)


def _checked(
    samples: np.ndarray, rate: int, start: float, end: float | None, channel: int | None
) -> np.ndarray:
    """Return the samples as mono (samples,), if they can be used."""
    if not len(samples):
        raise AudioError(f"empty: no audio from {start:g} s" if start else "empty: no audio")
    if end is not None and start + len(samples) / rate < end - OVERSHOOT:
        raise AudioError(
            f"too short: ends at {start + len(samples) / rate:.2f} s, its segment at {end:g} s"
        )
    if channel is not None and channel >= samples.shape[1]:
        raise AudioError(f"no channel {channel}: there are {samples.shape[1]}, from 0")
    mono = _mean(samples) if channel is None else samples[:, channel]
    least, greatest = mono.min(), mono.max()
    if not np.isfinite(least) or not np.isfinite(greatest):  # a single NaN makes both NaN
        raise AudioError("not finite: samples are NaN or infinite")
    if channel is None and samples.shape[1] > 1 and _cancels(samples, mono):
        raise AudioError(
            "its channels cancel each other in their mean; choose one in wav.scp: "
            "sox FILE -t wav - remix 1 |"
        )
    return mono


def _mean(samples: np.ndarray) -> np.ndarray:
    channels = samples.shape[1]
    if channels == 1:
        return samples[:, 0]
    # A matrix product: numpy's mean over a short axis takes 20 times as long.
    return samples @ np.full(channels, 1 / channels, np.float32)


def _cancels(samples: np.ndarray, mono: np.ndarray) -> bool:
    """Return whether channels have opposite signs, so that little is left of them in the mean."""
    power = np.vdot(samples, samples) / samples.shape[1]
    return bool(power > 0 and np.vdot(mono, mono) < CANCELLED * power)


def _resampled(mono: np.ndarray, rate: int, sample_rate: int, resampler: str) -> np.ndarray:
    if rate == sample_rate:
        return np.ascontiguousarray(mono)
    if resampler == "torchaudio":
        import torch
        import torchaudio

        waveform = torch.from_numpy(np.ascontiguousarray(mono))
        return torchaudio.functional.resample(waveform, rate, sample_rate).numpy()
    count = round(len(mono) / rate * sample_rate)  # soxr rounds halves up
    return soxr.resample(mono, rate, sample_rate, quality="HQ")[:count]
