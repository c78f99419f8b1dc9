#!/usr/bin/env python3
"""Time and memory from the tables of a large dump to the first batch of pretraining.

Usage: tools/bench/training_start.py [--clips 2000000] [--dir FOLDER]

Tables have the lines of a real dump; the archives are sparse files that hold one matrix.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
from datadir_scale import write_table

from asda.commands.number_types import positive
from asda.dataset.clips import Clips
from asda.dataset.data_config import DataConfig
from asda.dataset.feature_sources import FeatureInput
from asda.dataset.fingerprint import fingerprint
from asda.dataset.loaders import training_loader
from asda.features.matrix import COMPRESSED_HEADER

FRAMES, MEL_BINS = 998, 128  # 10 s
MATRIX_BYTES = 127_768  # with compression 3, and header
PER_ARCHIVE = 1000
BLOCKS = 16_384  # data.shuffle_buffer_size
READ = 20_000  # clips that a loader worker reads
T = TypeVar("T")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=positive, default=2_000_000)
    parser.add_argument("--dir", help="working folder (default: a temporary one)")
    parser.add_argument(
        "--measured", help=argparse.SUPPRESS
    )  # the folder, in the process to measure
    arguments = parser.parse_args()
    if arguments.measured:
        measure(Path(arguments.measured))
        return
    with tempfile.TemporaryDirectory(dir=arguments.dir) as name:
        make_dump(Path(name), arguments.clips)
        size = sum(path.stat().st_size for path in Path(name).glob("*/*") if path.suffix != ".ark")
        print(f"{arguments.clips} clips, {size / 2**20:.0f} MiB of tables, {os.cpu_count()} cores")
        # Its own process, whose memory is not that of writing the tables.
        command = [sys.executable, __file__, "--measured", name]
        subprocess.run(command, check=True)


def make_dump(folder: Path, clips: int) -> None:
    """Write the tables of a dump, and a data directory with all of its clips."""
    data, dump = folder / "data", folder / "dump"
    for made in (data, dump):
        made.mkdir()
    for number in range(-(-clips // PER_ARCHIVE)):
        with open(dump / f"feats.{number:06d}.ark", "wb") as stream:
            if number == 0:
                stream.seek(11)
                header = COMPRESSED_HEADER.pack(-10.0, 20.0, FRAMES, MEL_BINS)
                stream.write(b"\0BCM3 " + header)
            stream.truncate(PER_ARCHIVE * MATRIX_BYTES)
    write_table(data / "utt2spk", clips, lambda index, key: key)
    write_table(dump / "feats.scp", clips, lambda index, key: f"{dump}/{location(index)}")
    write_table(dump / "utt2num_frames", clips, lambda index, key: str(FRAMES - index % 100))
    write_table(dump / "utt2source", clips, lambda index, key: f"{index:016x}")
    write_table(
        dump / "utt2moments",
        clips,
        lambda index, key: f"127744 {-0.7123456789012345e6 - index} {5.123456789012345e6 + index}",
    )


def location(index: int) -> str:
    archive, place = divmod(index, PER_ARCHIVE)
    return f"feats.{archive:06d}.ark:{place * MATRIX_BYTES + 11}"


def measure(folder: Path) -> None:
    features = FeatureInput(dump=str(folder / "dump"))
    directory = str(folder / "data")
    config = DataConfig()
    blocks = DataConfig(shuffle_buffer_size=BLOCKS)
    print(f"{'step':<28}{'CPU s':>8}{'then MiB':>10}{'peak MiB':>10}")
    show("start of the program", lambda: None)
    show("digests of the data", lambda: fingerprint(directory, features, ()))
    source = show("tables of the dump", lambda: features.open(directory))
    opened = show("clips", lambda: Clips(directory, source, config))
    show("mean and deviation", lambda: source.moments(opened.utterances))
    show("first batch", lambda: first_batch(opened))
    opened.config = blocks
    show("first batch, in blocks", lambda: first_batch(opened))
    print(f"copied by a worker that reads {READ} clips: {copied_by_worker(opened):.0f} MiB")


def first_batch(clips: Clips) -> None:
    next(iter(training_loader(clips, seed=1, rank=0, world_size=1, start=0).batches))


def show(step: str, action: Callable[[], T]) -> T:
    """Print the CPU time of a step, the memory after it, and its peak."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    start = time.process_time()
    found = action()
    seconds = time.process_time() - start
    now, peak = (status(name) for name in ("VmRSS", "VmHWM"))
    print(f"{step:<28}{seconds:>8.1f}{now:>10.0f}{peak:>10.0f}", flush=True)
    return found


def status(name: str) -> float:
    """Return an entry of /proc/self/status in MiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


def copied_by_worker(clips: Clips) -> float:
    """Return how much memory a forked worker no longer shares once it has read clips, in MiB."""
    read_end, write_end = os.pipe()
    if not (child := os.fork()):
        before = private()
        chosen = np.random.default_rng(0).choice(len(clips), min(READ, len(clips)), replace=False)
        for index in chosen.tolist():
            utterance = clips.utterances[index]
            clips.features.num_frames(utterance)
            assert utterance in clips.features
        os.write(write_end, str(private() - before).encode())
        os._exit(0)
    os.waitpid(child, 0)
    return int(os.read(read_end, 64)) / 1024


def private() -> int:
    """Return the memory that this process shares with no other, in KiB."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))


if __name__ == "__main__":
    main()
