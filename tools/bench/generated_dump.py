"""Data directories of features that look like log-mel features, for benchmarks of reading."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from asda.corpus.datadir import write_table
from asda.features.archive_writer import write_matrix

FRAMES, MEL = 998, 128  # of a clip of 10 s


def make_dump(folder: Path, clips: int, method: str) -> Path:
    """Write a data directory of clips whose features are compressed by a method; return it."""
    folder.mkdir()
    rng, places = np.random.default_rng(0), {}
    with open(folder / "feats.ark", "wb") as stream:
        for clip in range(clips):
            key = f"utt{clip:06d}"
            offset = write_matrix(stream, key, _log_mel(rng), method)
            places[key] = f"{folder}/feats.ark:{offset}"
        os.fsync(stream.fileno())
    write_table(folder / "feats.scp", places)
    write_table(folder / "utt2spk", {key: key for key in places})
    write_table(folder / "utt2num_frames", dict.fromkeys(places, str(FRAMES)))
    return folder


def _log_mel(rng: np.random.Generator) -> np.ndarray:
    """Return features whose level drifts along both axes."""
    times = rng.normal(0, 0.3, (FRAMES, 1)).cumsum(0)
    bands = rng.normal(0, 0.3, MEL).cumsum()
    noise = rng.standard_normal((FRAMES, MEL), dtype=np.float32)
    return (times + bands - 7 + 1.5 * noise).clip(-15.9424, 5).astype(np.float32)
