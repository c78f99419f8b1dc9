#!/usr/bin/env python3
"""Labels of audio files, against the network alone; a long recording; the first result.

Usage: tools/bench/tagging.py [--size base] [--clips 64] [--hours 1]

- The rate of the classifier alone, which computes batches from features in memory, and the rate
  of `asda.load(...).tag(files)`, which decodes (10 s, 44.1 kHz, FLAC), resamples, computes the
  features and the batches. They take turns; the best round counts.
- Time and peak memory of labels for every window of a long recording, in a process of its own,
  against those of a tenth of it: memory must not grow.
- Time from starting `asda tag` to its first result, with a tiny model.

Models have random weights and 527 classes; clips are noise, which takes as long as sound.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import soundfile
import torch
from arguments import MODEL_SIZES

import asda
from asda.checkpoint import tensor_files
from asda.checkpoint.saved_model import SavedModel
from asda.commands.number_types import positive
from asda.configuration import to_dict
from asda.dataset.data_config import DataConfig
from asda.features.fbank_config import FbankConfig
from asda.inference.audio_input import sources_of
from asda.inference.computations import class_outputs
from asda.inference.feature_windows import Windowing, WindowReader
from asda.inference.model_input import padded
from asda.model.classifier import Classifier
from asda.model.model_config import ModelConfig

CLASSES, SECONDS, RATE, BATCH, ROUNDS = 527, 10, 44100, 8, 3


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", choices=MODEL_SIZES, default="base")
    parser.add_argument("--clips", type=positive, default=32, help="files of 10 s")
    parser.add_argument("--hours", type=float, default=1, help="length of the recording; 0 = none")
    arguments = parser.parse_args()
    print(f"{os.cpu_count()} cores, {torch.get_num_threads()} threads, torch {torch.__version__}")
    with tempfile.TemporaryDirectory() as folder:
        model = write_model(Path(folder) / "model.pt", arguments.size)
        rates(model, write_clips(Path(folder), arguments.clips))
        tiny = write_model(Path(folder) / "tiny.pt", "tiny")
        if arguments.hours:
            long_recording(tiny, Path(folder), arguments.hours)
        first_result(tiny, Path(folder))


def write_model(path: Path, size: str) -> Path:
    config = ModelConfig(size=size).resolved()
    network = Classifier(config, CLASSES, "cls")
    saved = SavedModel(
        "finetuned",
        to_dict(config),
        network.state_dict(),
        {"mean": -6.0, "std": 3.0},
        to_dict(FbankConfig()),
        to_dict(DataConfig()),
        "sigmoid",
        [f"class{number}" for number in range(CLASSES)],
        {"name": "classifier", "pooling": "cls", "layers": "last"},
        {"updates": 0, "source": "random weights"},
    )
    tensor_files.save(saved.content(), path)
    return path


def write_clips(folder: Path, count: int) -> list[str]:
    paths = [str(folder / f"{number}.flac") for number in range(count)]
    for seed, path in enumerate(paths):
        noise = np.random.default_rng(seed).normal(0, 0.1, SECONDS * RATE)
        soundfile.write(path, noise, RATE)
    return paths


def rates(path: Path, clips: list[str]) -> None:
    """Print clips per second of the network and of tagging files, in turns."""
    model = asda.load(path, "cpu")
    windowing = Windowing(model.data.max_frames, model.data.max_frames)
    reader = WindowReader(model.fbank, model.normalization, windowing)
    sources = sources_of(clips).items
    features = [next(reader.read(0, source)).features for source in sources]
    batches = [
        padded(features[first : first + BATCH], None, torch.device("cpu"))
        for first in range(0, len(features), BATCH)
    ]
    compute = class_outputs([model.network])

    def network() -> None:
        with torch.no_grad():
            for batch in batches:
                compute(batch)

    best = dict.fromkeys(("network", "files"), float("inf"))
    for _ in range(ROUNDS + 1):  # the first one warms up, which the best ignores
        for name, run in (("network", network), ("files", lambda: model.tag(clips))):
            start = time.perf_counter()
            run()
            best[name] = min(best[name], time.perf_counter() - start)
    alone, files = (len(clips) / best[name] for name in ("network", "files"))
    print(f"network alone {alone:.2f} clips/s, from files {files:.2f} clips/s: {files / alone:.1%}")


def long_recording(model: Path, folder: Path, hours: float) -> None:
    """Print time and peak memory of labels for the windows of a recording, and of a tenth of it."""
    for length in (hours / 10, hours):
        path = folder / "long.wav"
        with soundfile.SoundFile(path, "w", 16000, 1, "PCM_16") as stream:
            noise = np.random.default_rng(0).normal(0, 0.1, 16000 * 60)
            for _ in range(round(length * 60)):
                stream.write(noise)
        with get_context("spawn").Pool(1) as pool:
            seconds, windows, peak = pool.apply(label_windows, (model, path))
        speed = length * 3600 / seconds
        print(
            f"{length:g} h: {windows} windows in {seconds:.1f} s, {speed:.0f} times real time,"
            f" peak memory {peak / 2**20:.0f} MiB"
        )


def label_windows(model: Path, recording: Path) -> tuple[float, int, int]:
    """Return seconds, number of windows and peak memory in bytes."""
    loaded = asda.load(model, "cpu")
    start = time.perf_counter()
    sources = sources_of([recording]).items
    count = sum(1 for _ in loaded.run(sources, class_outputs([loaded.network]), hop=5.0))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return time.perf_counter() - start, count, peak


def first_result(model: Path, folder: Path) -> None:
    """Print the time from starting `asda tag` to its end, for one clip."""
    command = [sys.executable, "-m", "asda", "tag", str(model), str(folder / "0.flac")]
    walls = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        walls.append(time.perf_counter() - start)
    print(f"asda tag of one file, with the start of the program: {min(walls):.2f} s")


if __name__ == "__main__":
    main()
