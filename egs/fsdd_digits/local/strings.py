"""Strings of digits made of recordings of single ones: what they consist of, and their audio."""

from __future__ import annotations

import shutil
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
from fsdd import WORDS, Clip

from asda.audio.waveform import AudioError, read_audio
from asda.digests import value_digest
from asda.files import InputError, write_lines
from asda.staging import staged

RATE = 8000  # of the corpus, Hz
SEED = 1
USES = 3  # strings that each recording is in
LONGEST = 7  # digits of a string
LEVELS = (-26.0, -3.0)  # dB, peak of the loudest digit of a string against full scale
QUIETER = 6.0  # dB, most that another digit of it is below
PAUSES = (0.0, 0.4)  # s, before each digit and after the last
QUIETEST = RATE // 100  # samples, a stretch in which the background of a recording is measured


class Digit(NamedTuple):
    """A digit of a string: its recording, its peak level in dB, the pause before it in s."""

    clip: Clip
    level: float
    pause: float


class String(NamedTuple):
    """Digits of one speaker, and the pause after them in s."""

    utterance: str
    speaker: str
    digits: list[Digit]
    pause: float

    @property
    def text(self) -> str:
        return " ".join(WORDS[digit.clip.digit] for digit in self.digits)


def plan(speaker: str, clips: Iterable[Clip]) -> list[String]:
    """Return the strings of one speaker, in which each recording occurs USES times.

    They depend on this speaker's recordings alone, so they are the same in every fold.
    """
    rng = np.random.default_rng([SEED, zlib.crc32(speaker.encode())])
    clips = sorted(clips, key=lambda clip: clip.utterance)
    order = [clips[index] for _ in range(USES) for index in rng.permutation(len(clips))]
    strings: list[String] = []
    while order:
        count = int(rng.integers(1, LONGEST + 1))
        chosen, order = order[:count], order[count:]
        level = rng.uniform(*LEVELS)
        digits = [
            Digit(clip, level - rng.uniform(0, QUIETER), rng.uniform(*PAUSES)) for clip in chosen
        ]
        name = f"{speaker}_{len(strings):04d}"
        strings.append(String(name, speaker, digits, rng.uniform(*PAUSES)))
    return strings


def write_audio(strings: Sequence[String], folder: Path) -> dict[str, float]:
    """Write each string as FOLDER/UTTERANCE.wav unless that is done; return their lengths in s.

    FOLDER/digits.ctm lists when each digit is spoken. The folder appears once it is complete, and
    is written again if the plan or the corpus has changed.
    """
    made, digest = folder / "plan", plan_digest(strings)
    if not made.is_file() or made.read_text(encoding="utf-8").strip() != digest:
        shutil.rmtree(folder, ignore_errors=True)
        with staged(folder) as unfinished:
            unfinished.mkdir()
            times = [line for string in strings for line in write_string(string, unfinished)]
            write_lines(unfinished / "digits.ctm", times)
            write_lines(unfinished / "plan", [digest])
    return {
        string.utterance: soundfile.info(folder / f"{string.utterance}.wav").duration
        for string in strings
    }


def plan_digest(strings: Sequence[String]) -> str:
    """Return the digest of what the strings are made of, with the sizes of the recordings."""
    sizes = {digit.clip.path: digit.clip.path.stat().st_size for s in strings for digit in s.digits}
    content = [
        [s.utterance, s.pause, *([d.clip.utterance, *d[1:], sizes[d.clip.path]] for d in s.digits)]
        for s in strings
    ]
    return value_digest(content)


def write_string(string: String, folder: Path) -> list[str]:
    """Write the audio of one string; return a line of CTM for each of its digits."""
    rng = np.random.default_rng([SEED, zlib.crc32(f"pauses {string.utterance}".encode())])
    parts, lines, position = [], [], 0
    for digit in string.digits:
        sound = at_level(digit)
        pause = background(sound, digit.pause, rng)
        start, position = position + len(pause), position + len(pause) + len(sound)
        parts += [pause, sound]
        word = WORDS[digit.clip.digit]
        times = f"{start / RATE:.6f} {len(sound) / RATE:.6f}"
        lines.append(f"{string.utterance} 1 {times} {word}")
    parts.append(background(parts[-1], string.pause, rng))
    path = folder / f"{string.utterance}.wav"
    soundfile.write(path, np.concatenate(parts), RATE, subtype="PCM_16")
    return lines


def at_level(digit: Digit) -> np.ndarray:
    """Return the recording (samples,) float32 with its peak at the level of the digit."""
    path = digit.clip.path
    try:
        sound = read_audio(str(path), RATE)
    except AudioError as error:
        raise InputError(f"{path}: {error}; fetch the corpus again") from None
    return sound / np.abs(sound).max() * np.float32(10 ** (digit.level / 20))


def background(sound: np.ndarray, seconds: float, rng: np.random.Generator) -> np.ndarray:
    """Return a pause: white noise at the level of the quietest 10 ms of the recording beside it."""
    whole = len(sound) // QUIETEST * QUIETEST
    power = np.square(sound[:whole]).reshape(-1, QUIETEST).mean(axis=1) if whole else [0.0]
    noise = rng.standard_normal(round(seconds * RATE)) * np.sqrt(np.min(power))
    return noise.astype(np.float32)


def by_speaker(clips: Iterable[Clip]) -> Mapping[str, list[Clip]]:
    """Return the recordings of each speaker, in alphabetical order."""
    speakers: dict[str, list[Clip]] = {}
    for clip in sorted(clips, key=lambda clip: clip.utterance):
        speakers.setdefault(clip.speaker, []).append(clip)
    return speakers
