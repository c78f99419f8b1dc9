#!/usr/bin/env python3
"""Synthesise the mini corpus: ten kinds of sound that differ in how they change over time.

Each kind has a counterpart with the same mean spectrum, reversed in time or at another rate. Pitch,
level, length, timbre and background noise are random; the same seed gives the same files. The
script writes DIR/{train,valid,test}/KIND-SET-NUMBER.wav, 16 kHz, 16 bit.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

from asda.script import run_main
from asda.staging import staged

RATE = 16000
SETS = {"train": 1000, "valid": 200, "test": 300}

Sound = np.ndarray  # (samples,) float64
Random = np.random.Generator


def harmonics(pitch: np.ndarray, rng: Random) -> Sound:
    """Return a harmonic tone; `pitch` is in Hz, for each sample."""
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    slope = rng.uniform(0.5, 2)
    return sum(np.sin(phase * n) * n**-slope for n in range(1, 6))


def band_noise(length: int, rng: Random) -> Sound:
    """Return noise in a random band of one and a half octaves."""
    low = np.exp(rng.uniform(np.log(200), np.log(2000)))
    spectrum = np.fft.rfft(rng.standard_normal(length))
    frequency = np.fft.rfftfreq(length, 1 / RATE)
    return np.fft.irfft(spectrum * ((frequency > low) & (frequency < 2.8 * low)), length) * 4


def carrier(length: int, rng: Random) -> Sound:
    """Return a stationary sound, a tone or noise, to be shaped by an envelope."""
    if rng.random() < 0.5:
        return band_noise(length, rng)
    return harmonics(np.full(length, np.exp(rng.uniform(np.log(120), np.log(800)))), rng)


def chirp(length: int, rng: Random, upwards: bool) -> Sound:
    low = np.exp(rng.uniform(np.log(120), np.log(400)))
    pitch = low * rng.uniform(2, 4) ** np.linspace(0, 1, length)
    return harmonics(pitch if upwards else pitch[::-1], rng)


def arpeggio(length: int, rng: Random, upwards: bool) -> Sound:
    notes = rng.integers(4, 7)
    low = np.exp(rng.uniform(np.log(120), np.log(400)))
    pitches = low * rng.uniform(2, 4) ** (np.arange(notes) / (notes - 1))
    time = np.linspace(0, notes, length, endpoint=False)  # in notes
    pitch = pitches[time.astype(int)] if upwards else pitches[::-1][time.astype(int)]
    return harmonics(pitch, rng) * np.exp(-2 * (time % 1))


def burst(length: int, rng: Random, decaying: bool) -> Sound:
    envelope = np.exp(-rng.uniform(3, 6) * np.linspace(0, 1, length))
    return carrier(length, rng) * (envelope if decaying else envelope[::-1])


def tremolo(length: int, rng: Random, rates: tuple[float, float]) -> Sound:
    angle = 2 * np.pi * (rng.uniform(*rates) * np.arange(length) / RATE + rng.random())
    return carrier(length, rng) * (0.52 - 0.48 * np.cos(angle)) ** 2


def pulses(length: int, rng: Random, gap: float) -> Sound:
    """Return pairs of pulses; the second starts after the fraction `gap` of the pair's period."""
    phase = (np.arange(length) / RATE / rng.uniform(0.35, 0.6) + rng.random()) % 1
    return carrier(length, rng) * ((phase < 0.15) | (abs(phase - gap - 0.075) < 0.075))


KINDS: dict[str, Callable[[int, Random], Sound]] = {
    "arpeggio_down": lambda length, rng: arpeggio(length, rng, upwards=False),
    "arpeggio_up": lambda length, rng: arpeggio(length, rng, upwards=True),
    "chirp_down": lambda length, rng: chirp(length, rng, upwards=False),
    "chirp_up": lambda length, rng: chirp(length, rng, upwards=True),
    "decay": lambda length, rng: burst(length, rng, decaying=True),
    "swell": lambda length, rng: burst(length, rng, decaying=False),
    "pulses_even": lambda length, rng: pulses(length, rng, gap=0.5),
    "pulses_uneven": lambda length, rng: pulses(length, rng, gap=0.2),
    "tremolo_fast": lambda length, rng: tremolo(length, rng, rates=(9, 13)),
    "tremolo_slow": lambda length, rng: tremolo(length, rng, rates=(3, 5)),
}


def clip(kind: str, rng: Random) -> Sound:
    """Return a clip of 1 to 2 s in [-1, 1]: a sound in background noise, at a random level."""
    length = int(rng.uniform(1, 2) * RATE)
    sound = KINDS[kind](length, rng)
    noise = rng.standard_normal(length)
    noise *= np.std(sound) / np.std(noise) * 10 ** (-rng.uniform(5, 25) / 20)
    mixture = sound + noise
    return mixture / np.abs(mixture).max() * 10 ** (-rng.uniform(1, 25) / 20)


def write_set(folder: Path, clips: int, seed: list[int]) -> None:
    """Write a set with equally many clips of each kind; the folder appears once it is complete."""
    if folder.exists():
        return
    with staged(folder) as unfinished:
        unfinished.mkdir()
        for index in range(clips):
            kind = list(KINDS)[index % len(KINDS)]
            samples = clip(kind, np.random.default_rng([*seed, index]))
            path = unfinished / f"{kind}-{folder.name}-{index // len(KINDS):03d}.wav"
            soundfile.write(path, samples, RATE, subtype="PCM_16")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dir", type=Path, help="where to write the corpus")
    parser.add_argument("--seed", type=int, default=1)
    for name, clips in SETS.items():
        parser.add_argument(
            f"--{name}", type=int, default=clips, help=f"number of clips (default: {clips})"
        )
    options = parser.parse_args()
    for number, name in enumerate(SETS):
        write_set(options.dir / name, getattr(options, name), [options.seed, number])
    print(f"{len(KINDS)} kinds of sound in {options.dir}/{{{','.join(SETS)}}}")


if __name__ == "__main__":
    run_main(main)
