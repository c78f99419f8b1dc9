#!/usr/bin/env python3
"""Noisy copies of a test set: white noise and babble, each at 20, 10 and 0 dB SNR.

usage: local/add_noise.py TEST TRAIN OUT

TEST and TRAIN are data directories. The script writes the data directories OUT/white_20 to
OUT/babble_0 with audio in OUT/wav, which is reused if it exists. Babble mixes eight segments of
TRAIN's recordings, so the test speakers do not occur in it. The noise of a clip depends neither on
the level nor on the other clips, and the same call writes the same files. The signal-to-noise ratio
compares the power of the whole clip with that of its noise. Samples are stored as floats to avoid
clipping and rounding.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.io import wavfile

from asda.audio.waveform import AudioError, read_audio
from asda.corpus.datadir import DataDir
from asda.corpus.write import write_data_dir
from asda.files import InputError
from asda.script import run_main
from asda.staging import staged

RATE = 8000
LEVELS = (20, 10, 0)  # dB
VOICES = 8
SEED = 1

Noise = Callable[[int, np.random.Generator], np.ndarray]


def read(source: str) -> np.ndarray:
    """Return (samples,) float32 with zero mean, since feature extraction removes the mean too."""
    try:
        samples = read_audio(source, RATE)
    except AudioError as error:
        raise InputError(f"{source}: {error}") from None
    return samples - samples.mean()


def white(length: int, rng: np.random.Generator) -> np.ndarray:
    return rng.standard_normal(length)


def babble_of(train: DataDir) -> Noise:
    """Return a generator of babble from recordings, which are concatenated at equal level."""
    clips = [read(source) for source in train.table("wav.scp").values()]
    speech = np.concatenate([clip / np.std(clip) for clip in clips])

    def babble(length: int, rng: np.random.Generator) -> np.ndarray:
        starts = rng.integers(len(speech), size=VOICES)
        voices = [speech.take(np.arange(start, start + length), mode="wrap") for start in starts]
        return np.sum(voices, axis=0)

    return babble


def mix(clip: np.ndarray, noise: np.ndarray, decibels: float) -> np.ndarray:
    """Add noise at a signal-to-noise ratio of `decibels`; return (samples,) float32."""
    gain = np.std(clip) / np.std(noise) * 10 ** (-decibels / 20)
    return (clip + gain * noise).astype(np.float32)


def write_audio(folder: Path, sources: dict[str, str], kind: str, make: Noise, level: int) -> None:
    """Write one noisy WAV file per clip; the folder appears once it is complete."""
    if folder.exists():
        return
    with staged(folder) as unfinished:
        unfinished.mkdir()
        for utterance, source in sources.items():
            rng = np.random.default_rng([SEED, zlib.crc32(f"{kind} {utterance}".encode())])
            clip = read(source)
            noisy = mix(clip, make(len(clip), rng), level)
            # scipy, because libsndfile writes the time of day into WAV files with float samples
            wavfile.write(unfinished / f"{utterance}.wav", RATE, noisy)


def write_noisy(test: DataDir, name: str, audio: Path, out: Path) -> None:
    """Write the data directory OUT/NAME; its utterance IDs are those of `test` plus _NAME."""
    tables = {file: test.table(file) for file in ("utt2label", "utt2spk")}
    tables["wav.scp"] = {u: str(audio.resolve() / f"{u}.wav") for u in tables["utt2label"]}
    renamed = {
        file: {f"{utterance}_{name}": value for utterance, value in table.items()}
        for file, table in tables.items()
    }
    write_data_dir(out / name, renamed, test.labels, renamed.pop("utt2spk"))


def main() -> None:
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    out = Path(sys.argv[3])
    test, train = DataDir(sys.argv[1]), DataDir(sys.argv[2])
    for kind, make in {"white": white, "babble": babble_of(train)}.items():
        for level in LEVELS:
            audio = out / "wav" / f"{kind}_{level}"
            write_audio(audio, test.table("wav.scp"), kind, make, level)
            write_noisy(test, audio.name, audio, out)
    print(f"{out}: {len(test.utterances)} clips in white noise and in babble")


if __name__ == "__main__":
    run_main(main)
