"""Clips that stand for those of a corpus: a tone, whose pitch is the class, in noise."""

from pathlib import Path

import numpy as np
import soundfile


def clip(pitch: int, seed: int, seconds: float = 5.0, rate: int = 44100) -> np.ndarray:
    """Return int16 samples; clips of two seeds differ."""
    rng = np.random.default_rng([pitch, seed])
    time = np.arange(round(seconds * rate)) / rate
    tone = np.sin(2 * np.pi * 220 * 2 ** (pitch / 3) * time + rng.uniform(0, 2 * np.pi))
    swell = np.sin(np.pi * rng.uniform(0.5, 2) * time) ** 2
    sound = 0.3 * swell * tone + 0.01 * rng.standard_normal(len(time))
    return (32767 * sound).astype(np.int16)


def write_clip(path: Path, pitch: int, seed: int, seconds: float = 5.0, rate: int = 44100) -> Path:
    """Write a clip in the format that the name of the file tells."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, clip(pitch, seed, seconds, rate), rate)
    return path
