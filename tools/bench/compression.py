#!/usr/bin/env python3
"""Size and error of log-mel features with each compression method of a dump.

Usage: tools/bench/compression.py FOLDER-OF-AUDIO [--clips 100]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch

from asda.audio.waveform import read_audio
from asda.commands.dump import COMPRESSIONS
from asda.commands.number_types import positive
from asda.features.archive import ArchiveReader
from asda.features.archive_writer import write_matrix
from asda.features.fbank import Fbank
from asda.features.fbank_config import FbankConfig

CLIP_FRAMES = 998  # 10 s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--clips", type=positive, default=100)
    arguments = parser.parse_args()
    files = [path for path in sorted(arguments.folder.rglob("*")) if path.is_file()]
    fbank = Fbank(FbankConfig())
    features = []
    for path in files[:: max(1, len(files) // arguments.clips)]:
        try:
            features.append(fbank(torch.from_numpy(read_audio(str(path)))).numpy())
        except ValueError as error:
            print(f"{path}: {error}")
    frames = sum(map(len, features))
    print(f"{len(features)} clips, {frames} frames of {features[0].shape[1]} mel bins")
    print(f"{'method':<8}{'bytes per 10 s':>16}{'mean error':>12}{'largest':>10}")
    for method in COMPRESSIONS:
        size, errors = measure(features, method)
        print(
            f"{method:<8}{size / frames * CLIP_FRAMES:>16,.0f}{errors.mean():>12.2g}"
            f"{errors.max():>10.2g}"
        )


def measure(features: list[np.ndarray], method: str) -> tuple[int, np.ndarray]:
    """Return the size of an archive in bytes, and the absolute error of each value."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "feats.ark"
        with path.open("wb") as stream:
            offsets = [write_matrix(stream, "u", matrix, method) for matrix in features]
        reader = ArchiveReader()
        errors = [
            np.abs(reader.read(f"{path}:{offset}") - matrix).ravel()
            for offset, matrix in zip(offsets, features, strict=True)
        ]
        return path.stat().st_size, np.concatenate(errors)


if __name__ == "__main__":
    main()
