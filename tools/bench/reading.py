#!/usr/bin/env python3
"""Shuffled reading of dumped features into batches, and the cost of different reading orders.

Usage: tools/bench/reading.py [--clips 640] [--methods 3 5 2] [--list 2000000]

Features of 10 s clips are generated and written with each compression method. Reading includes
decompression, random cropping, normalisation and assembly of the batch. The baseline is a loop with
kaldiio.load_mat and numpy; with one worker, a dataset of the same in PyTorch's loader with its own
collation. The two take turns, and the median over rounds is reported. For "cold" the archive is
first dropped from the system's cache (posix_fadvise). The floor is reading the stored bytes and
writing the values once, at the rate of a copy in memory.

The second table compares reading orders for an epoch of a long list: time and memory to compute the
order; correlation between the disk positions of neighbours in a batch; pairs in a batch from the
same block, relative to chance; seeks per 1,000 clips, and the hours that a disk with 8 ms per seek
and 150 MB/s would need (calculated); and clips per second measured with a cold cache.
"""

from __future__ import annotations

import argparse
import itertools
import os
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import kaldiio
import numpy as np
import torch
from generated_dump import FRAMES, MEL, make_dump
from torch.utils.data import DataLoader, Dataset

from asda.commands.number_types import positive
from asda.dataset.clips import Clips, open_clips
from asda.dataset.data_config import AugmentConfig, DataConfig
from asda.dataset.feature_sources import FeatureInput
from asda.dataset.loaders import scoring_loader, training_loader
from asda.dataset.sampling import TrainingBatches
from asda.features.archive_writer import COMPRESSIONS

CUT, SHORT_CUT = 992, 400
BATCH = 32
MEAN, STD = -4.268, 4.569
BLOCK = DataConfig().shuffle_block
BUFFER, SMALL_BUFFER = 16384, 256
SEEK, RATE = 0.008, 150e6  # seconds, bytes per second
BYTES = FRAMES * MEL * COMPRESSIONS["3"]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=positive, default=640)
    parser.add_argument("--methods", choices=COMPRESSIONS, nargs="+", default=["3", "5", "2"])
    parser.add_argument("--rounds", type=positive, default=3)
    parser.add_argument(
        "--list", type=positive, default=2_000_000, help="clips in the second table"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        folders = {m: make_dump(root / m, arguments.clips, m) for m in arguments.methods}
        print(
            f"{arguments.clips} clips of {FRAMES} x {MEL}, batches of {BATCH}; clips a second on "
            f"one of {os.cpu_count()} cores"
        )
        print(
            f"{'method':<8}{'frames':>7}{'cache':>6}{'kaldiio':>9}{'asda':>8}{'ratio':>7}"
            f"{'floor':>8}{'difference':>12}   {'by a worker:':<13}{'kaldiio':>8}{'asda':>8}"
            f"{'ratio':>7}"
        )
        for method, folder in folders.items():
            for cache, frames in (("warm", CUT), ("warm", SHORT_CUT), ("cold", CUT)):
                compare(folder, method, frames, cache == "cold", arguments.rounds)
        show_orders(next(iter(folders.values())), arguments.list, arguments.rounds)


def clips_of(folder: Path, frames: int = CUT, workers: int = 0, buffer: int = 0) -> Clips:
    config = DataConfig(
        max_frames=frames,
        batch_size=BATCH,
        workers=workers,
        norm_mean=MEAN,
        norm_std=STD,
        shuffle_buffer_size=buffer,
    )
    return open_clips(str(folder), FeatureInput(), config, augment=AugmentConfig())


class ByKaldiio(Dataset):
    """The clips of a feats.scp, read with common libraries."""

    def __init__(self, folder: Path, frames: int):
        lines = (folder / "feats.scp").read_text().splitlines()
        self.places = [line.split()[1] for line in lines]
        self.frames = frames

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: int) -> np.ndarray:
        matrix = kaldiio.load_mat(self.places[index])
        start = np.random.randint(len(matrix) - self.frames + 1)
        cut = matrix[start : start + self.frames]
        return ((cut - MEAN) / (2 * STD)).astype(np.float32)


def compare(folder: Path, method: str, frames: int, cold: bool, rounds: int) -> None:
    """Print one line of the first table."""
    plain = ByKaldiio(folder, frames)
    whole = len(plain) // BATCH

    def by_kaldiio() -> Iterator[torch.Tensor]:
        order = np.random.permutation(len(plain))
        for first in range(0, whole * BATCH, BATCH):
            clips = [plain[index] for index in order[first : first + BATCH]]
            yield torch.from_numpy(np.stack(clips))

    def by_loader() -> Iterator[torch.Tensor]:
        while True:
            yield from DataLoader(plain, BATCH, shuffle=True, drop_last=True, num_workers=1)

    def by_asda(workers: int) -> Callable[[], Iterator]:
        return lambda: iter(training_loader(clips_of(folder, frames, workers), 0, 0, 1, 0))

    readers = [by_kaldiio, by_asda(0)]
    times = measure(readers, folder, whole, cold, rounds)
    stored = (folder / "feats.ark").stat().st_size / len(plain)
    if method != "2":  # which stores columns apart
        stored *= frames / FRAMES
    floor = copy_rate() / (stored + 4 * frames * MEL)
    worker = ""
    if not cold:
        slow, fast = measure([by_loader, by_asda(1)], folder, whole, cold, 1, skip=5)
        worker = f"{BATCH / slow:>24.0f}{BATCH / fast:>8.0f}{slow / fast:>7.2f}"
    slow, fast = times
    print(
        f"{method:<8}{frames:>7}{'cold' if cold else 'warm':>6}{BATCH / slow:>9.0f}"
        f"{BATCH / fast:>8.0f}{slow / fast:>7.2f}{floor:>8.0f}{difference(folder):>12.1g}{worker}",
        flush=True,
    )


def measure(
    readers: list[Callable[[], Iterator]],
    folder: Path,
    batches: int,
    cold: bool,
    rounds: int,
    skip: int = 0,
) -> list[float]:
    """Return seconds per batch for each reader, the median over rounds.

    Args:
        skip: number of first batches not counted, while a worker starts
    """
    seconds: list[list[float]] = [[] for _ in readers]
    for _ in range(rounds):
        for reader, taken in zip(readers, seconds, strict=True):
            if cold:
                drop_from_cache(folder / "feats.ark")
            iterator = reader()
            for _ in range(skip):
                next(iterator)
            start = time.perf_counter()
            for _ in itertools.islice(iterator, batches):
                pass
            taken.append((time.perf_counter() - start) / batches)
            del iterator
    return [median(taken) for taken in seconds]


def drop_from_cache(path: Path) -> None:
    with open(path, "rb") as stream:
        os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def difference(folder: Path) -> float:
    """Return the largest difference between normalised values over some clips."""
    clips, plain = clips_of(folder, FRAMES), ByKaldiio(folder, FRAMES)
    return max(
        np.abs(clips[0, n].features.read() - plain[n]).max() for n in range(0, len(clips), 37)
    )


def copy_rate() -> float:
    """Return bytes per second read plus written by a copy in memory."""
    source, target = np.ones(2**24, np.float32), np.zeros(2**24, np.float32)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        np.copyto(target, source)
        times.append(time.perf_counter() - start)
    return 2 * source.nbytes / median(times)


def show_orders(folder: Path, count: int, rounds: int) -> None:
    """Print the table of reading orders."""
    print(
        f"\nan epoch of {count} clips, batches of {BATCH};"
        f" a buffer of {BUFFER} in blocks of {BLOCK}"
    )
    print(
        f"{'order':<14}{'s':>6}{'MB':>6}{'correlation':>13}{'pairs':>8}{'seeks':>11}"
        f"{'hours':>7}{'clips/s cold':>14}"
    )
    lengths, places = np.full(count, FRAMES), np.arange(count)
    weights = 1 / (1 + places % 527)
    options = {
        "disk order": None,
        "shuffled": {},
        "weighted": {"weights": weights, "draws": count // 10},
        "in blocks": {"disk_order": places, "buffer": BUFFER, "block": BLOCK},
    }
    cold = cold_rates(folder, rounds)
    for name, option in options.items():
        if option is None:
            seconds, peak = 0.0, 0.0
            order, window = places[: count // BATCH * BATCH].reshape(-1, BATCH), BATCH
        else:
            batches = TrainingBatches(lengths, BATCH, seed=0, **option)
            start = time.perf_counter()
            order = batches.epoch(0)
            seconds = time.perf_counter() - start
            tracemalloc.start()
            batches.epoch(1)
            peak = tracemalloc.get_traced_memory()[1] / 1e6
            tracemalloc.stop()
            window = BUFFER if option.get("buffer") else 1
        seeks = count_seeks(order, window)
        hours = (seeks * SEEK + order.size * BYTES / RATE) / 3600
        print(
            f"{name:<14}{seconds:>6.2f}{peak:>6.0f}{correlation(order):>13.4f}"
            f"{same_block(order, count):>8.1f}{1000 * seeks / order.size:>11.1f}{hours:>7.1f}"
            + (f"{cold[name]:>14.0f}" if name in cold else ""),
            flush=True,
        )


def cold_rates(folder: Path, rounds: int) -> dict[str, float]:
    """Return clips per second with a cold cache, in this process."""
    readers = {
        "disk order": lambda: iter(scoring_loader(clips_of(folder))),
        "shuffled": lambda: iter(training_loader(clips_of(folder), 0, 0, 1, 0)),
        "in blocks": lambda: iter(
            training_loader(clips_of(folder, buffer=SMALL_BUFFER), 0, 0, 1, 0)
        ),
    }
    batches = len(clips_of(folder)) // BATCH
    times = measure(list(readers.values()), folder, batches, True, rounds)
    return {name: BATCH / seconds for name, seconds in zip(readers, times, strict=True)}


def correlation(order: np.ndarray) -> float:
    """Return the correlation between positions of neighbours in batches (batches, clips)."""
    return float(np.corrcoef(order[:, :-1].ravel(), order[:, 1:].ravel())[0, 1])


def same_block(order: np.ndarray, count: int) -> float:
    """Return pairs in a batch from the same block, relative to a shuffled list."""
    blocks = order // BLOCK
    pairs = [
        (blocks[:, :-shift] == blocks[:, shift:]).ravel() for shift in range(1, order.shape[1])
    ]
    return float(np.concatenate(pairs).mean()) * count / BLOCK


def count_seeks(order: np.ndarray, window: int) -> int:
    """Return the seeks needed to read an order if each `window` of clips is read sorted."""
    order = order.ravel()
    if window > 1:
        order = np.concatenate(
            [np.sort(order[first : first + window]) for first in range(0, len(order), window)]
        )
    return 1 + np.count_nonzero(np.diff(order) != 1)


if __name__ == "__main__":
    main()
