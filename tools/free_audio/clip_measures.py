"""Measure audio files: length, level, and what the same sound has in any format."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from asda.audio.waveform import AudioError, audio_duration, read_audio

RATE = 8000  # Hz, at which sounds are compared
FRAME, HOP = 256, 128
BANDS, TIMES = 8, 16  # of a fingerprint
QUIET = 1e-2  # of the peak: what is below at the ends is not compared
SILENCE = 1e-3  # peak (-60 dB of full scale) below which a clip is silent


@dataclass
class Measures:
    """What is known of one audio file.

    Args:
        path: below the package's folder
        seconds: length of the audio
        fault: why it cannot be used, "" = it can
        digest: changes with the samples at RATE, but not with the file format
        trimmed: seconds between the quiet ends
        fingerprint: mean-free log energies of BANDS x TIMES, int8 in base 64
    """

    path: str
    seconds: float = 0.0
    fault: str = ""
    digest: str = ""
    trimmed: float = 0.0
    fingerprint: str = ""


def measure(folder: Path, path: str, shortest: float, longest: float) -> Measures:
    """Measure one file; audio shorter or longer (seconds) is a fault, and not decoded."""
    found = Measures(path)
    try:
        found.seconds = round(audio_duration(str(folder / path)), 3)
        if not shortest <= found.seconds <= longest:
            found.fault = "too short" if found.seconds < shortest else "too long"
            return found
        samples = read_audio(str(folder / path), RATE)
    except AudioError as error:
        found.fault = "silent" if str(error).startswith("silent") else f"unreadable: {error}"
        return found
    if np.abs(samples).max() < SILENCE:
        found.fault = "silent"
        return found
    found.digest = hashlib.sha256(_integers(samples).tobytes()).hexdigest()[:16]
    trimmed = without_quiet_ends(samples)
    found.trimmed = round(len(trimmed) / RATE, 4)
    found.fingerprint = base64.b64encode(fingerprint(trimmed).tobytes()).decode()
    return found


def fingerprint_of(measures: Measures) -> np.ndarray:
    """Return the stored fingerprint (BANDS * TIMES,) float32 of norm 1."""
    values = np.frombuffer(base64.b64decode(measures.fingerprint), np.int8).astype(np.float32)
    return values / max(float(np.linalg.norm(values)), 1e-6)


def without_quiet_ends(samples: np.ndarray) -> np.ndarray:
    """Return samples (samples,) from the first to the last one that is not quiet."""
    loud = np.flatnonzero(np.abs(samples) > QUIET * np.abs(samples).max())
    return samples[loud[0] : loud[-1] + 1]


def fingerprint(samples: np.ndarray) -> np.ndarray:
    """Return log energies (BANDS * TIMES,) int8 over bands and time, without their mean."""
    frames = max(TIMES, 1 + max(0, len(samples) - FRAME) // HOP)
    padded = np.pad(samples, (0, max(0, (frames - 1) * HOP + FRAME - len(samples))))
    windows = np.lib.stride_tricks.sliding_window_view(padded, FRAME)[::HOP][:frames]
    power = np.abs(np.fft.rfft(windows * np.hanning(FRAME).astype(np.float32), axis=1)) ** 2
    bands = np.stack([part.mean(axis=1) for part in np.array_split(power, BANDS, axis=1)], axis=1)
    means = np.stack([part.mean(axis=0) for part in np.array_split(bands, TIMES)])
    levels = np.log(means + 1e-6 * means.max() + 1e-12)
    levels -= levels.mean()
    return np.round(levels * (127 / max(float(np.abs(levels).max()), 1e-6))).astype(np.int8).ravel()


def _integers(samples: np.ndarray) -> np.ndarray:
    return np.round(samples * 32767).clip(-32768, 32767).astype(np.int16)
