"""Data directories with small features or short audio, for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import soundfile

from asda.corpus.datadir import write_table
from asda.features.archive_writer import write_matrix
from asda.features.moments import Moments

MEL = 16


def with_features(
    folder: Path, features: Mapping[str, np.ndarray], labels: Sequence[str] = ("a", "b")
) -> Path:
    """Write a data directory that holds its features, labelled in turn."""
    folder.mkdir(parents=True)
    specifiers = {}
    with open(folder / "feats.ark", "wb") as stream:
        for name, matrix in features.items():
            offset = write_matrix(stream, name, matrix, "none")
            specifiers[name] = f"{folder / 'feats.ark'}:{offset}"
    tables = {
        "utt2spk": {name: name for name in features},
        "feats.scp": specifiers,
        "utt2num_frames": {name: str(len(matrix)) for name, matrix in features.items()},
        "utt2moments": {name: str(Moments.of(matrix)) for name, matrix in features.items()},
        "utt2label": {name: labels[row % len(labels)] for row, name in enumerate(features)},
    }
    for name, table in tables.items():
        write_table(folder / name, table)
    (folder / "labels.txt").write_text("".join(f"{label}\n" for label in labels))
    return folder


def random_features(lengths: Sequence[int], seed: int = 0) -> dict[str, np.ndarray]:
    """Return utterance -> log-mel-like features (frames, MEL), a ramp so that rows differ."""
    rng = np.random.default_rng(seed)
    return {
        f"utt{row:02d}": (
            rng.normal(-5, 3, (frames, MEL)) + 0.1 * np.arange(frames)[:, None]
        ).astype(np.float32)
        for row, frames in enumerate(lengths)
    }


def two_sounds(clips: int, seed: int, frames: Sequence[int] = (32,)) -> dict[str, np.ndarray]:
    """Return features that are loud in the lower half of the bands, the upper, and so on."""
    rng = np.random.default_rng(seed)
    features = {}
    for row in range(clips):
        matrix = rng.normal(-6, 1, (frames[row % len(frames)], MEL))
        half = slice(0, MEL // 2) if row % 2 == 0 else slice(MEL // 2, MEL)
        matrix[:, half] += 3
        features[f"utt{row:03d}"] = matrix.astype(np.float32)
    return features


def with_audio(folder: Path, seconds: Mapping[str, float], rate: int = 16000) -> Path:
    """Write a data directory of noise, each utterance of so many seconds."""
    folder.mkdir(parents=True)
    for seed, (name, duration) in enumerate(seconds.items()):
        samples = np.random.default_rng(seed).normal(0, 0.1, round(duration * rate))
        soundfile.write(folder / f"{name}.wav", samples, rate)
    write_table(folder / "wav.scp", {name: str(folder / f"{name}.wav") for name in seconds})
    write_table(folder / "utt2spk", {name: name for name in seconds})
    return folder
