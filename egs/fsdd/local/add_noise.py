#!/usr/bin/env python3
"""Noisy copies of a test set: white noise and babble, each at 20, 10 and 0 dB.

usage: local/add_noise.py TEST TRAIN OUT

TEST and TRAIN are data directories. Written are the data directories OUT/white_20 to OUT/babble_0,
with audio in OUT/wav; sets whose audio is there are kept. Babble is eight stretches of TRAIN's
recordings at once, so the tested speakers are not in it. A clip gets the same noise at every
level, whatever other clips there are; the same call makes the same files. The ratio is that of the
powers of the whole clip and of its noise. Samples are floats, so nothing is clipped or rounded.
"""

from __future__ import annotations

import shutil
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.io import wavfile

from asda.corpus.audio import AudioError, read_audio
from asda.corpus.datadir import DataDir
from asda.corpus.write import write_data_dir
from asda.files import InputError

RATE = 8000
LEVELS = (20, 10, 0)  # dB
VOICES = 8
SEED = 1

Noise = Callable[[int, np.random.Generator], np.ndarray]


def read(source: str) -> np.ndarray:
    """Return (samples,) float32 of mean 0: features leave the mean out too."""
    try:
        samples = read_audio(source, RATE)
    except AudioError as error:
        raise InputError(f"{source}: {error}") from None
    return samples - samples.mean()


def white(length: int, rng: np.random.Generator) -> np.ndarray:
    return rng.standard_normal(length)


def babble_of(train: DataDir) -> Noise:
    """Return babble of the recordings of a data directory, all equally loud and joined."""
    clips = [read(source) for source in train.table("wav.scp").values()]
    speech = np.concatenate([clip / np.std(clip) for clip in clips])

    def babble(length: int, rng: np.random.Generator) -> np.ndarray:
        starts = rng.integers(len(speech), size=VOICES)
        return sum(speech.take(np.arange(start, start + length), mode="wrap") for start in starts)

    return babble


def mix(clip: np.ndarray, noise: np.ndarray, decibels: float) -> np.ndarray:
    """Return a clip with noise, `decibels` below it in power; (samples,) float32."""
    gain = np.std(clip) / np.std(noise) * 10 ** (-decibels / 20)
    return (clip + gain * noise).astype(np.float32)


def write_audio(folder: Path, sources: dict[str, str], kind: str, make: Noise, level: int) -> None:
    """Write one noisy WAV file for each clip; the folder appears when it is whole."""
    if folder.exists():
        return
    unfinished = folder.with_name(f".{folder.name}")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    for utterance, source in sources.items():
        rng = np.random.default_rng([SEED, zlib.crc32(f"{kind} {utterance}".encode())])
        clip = read(source)
        # of scipy, because libsndfile puts the time of day into WAV files with float samples
        wavfile.write(unfinished / f"{utterance}.wav", RATE, mix(clip, make(len(clip), rng), level))
    unfinished.rename(folder)


def write_noisy(test: DataDir, name: str, audio: Path, out: Path) -> None:
    """Write the data directory OUT/NAME; its utterances are those of `test` with _NAME added."""
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
    try:
        test, train = DataDir(sys.argv[1]), DataDir(sys.argv[2])
        for kind, make in {"white": white, "babble": babble_of(train)}.items():
            for level in LEVELS:
                audio = out / "wav" / f"{kind}_{level}"
                write_audio(audio, test.table("wav.scp"), kind, make, level)
                write_noisy(test, audio.name, audio, out)
    except InputError as error:
        sys.exit(f"local/add_noise.py: {error}")
    print(f"{out}: {len(test.utterances)} clips each in white noise and babble")


if __name__ == "__main__":
    main()
