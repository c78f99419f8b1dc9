"""Time and memory of `asda data validate`, `split`, `subset` and `fix` on a large data directory.

Usage: tools/bench/datadir_scale.py [--utterances 2000000] [--jobs 32]
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

from asda.commands.number_types import positive

CLASSES = 527


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--utterances", type=positive, default=2_000_000)
    parser.add_argument("--jobs", type=positive, default=32)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        directory = str(make_directory(Path(folder), arguments.utterances))
        size = sum(path.stat().st_size for path in Path(directory).iterdir())
        print(f"{arguments.utterances} utterances, {size / 2**20:.0f} MiB, {os.cpu_count()} cores")
        print(f"{'command':<24}{'wall s':>8}{'peak MiB':>10}")
        for command in (
            ["validate", "--no-feats", "--no-wav", directory],
            ["split", "--per-utt", directory, str(arguments.jobs)],
            ["subset", directory, str(arguments.utterances // 2), f"{folder}/half"],
            ["fix", directory],
        ):
            seconds, mebibytes = measure([sys.executable, "-m", "asda", "data", *command])
            print(f"{command[0]:<24}{seconds:>8.1f}{mebibytes:>10.0f}")


def make_directory(folder: Path, utterances: int) -> Path:
    """Write a data directory in which every utterance is its own speaker."""
    values: dict[str, Callable[[int, str], str]] = {
        "wav.scp": lambda index, key: f"downloads/audio/{index % 1000:03d}/{key}.flac",
        "utt2spk": lambda index, key: key,
        "spk2utt": lambda index, key: key,
        "utt2label": lambda index, key: f"class{index % CLASSES} class{(index * 7 + 1) % CLASSES}",
        "utt2dur": lambda index, key: "10.0",
    }
    for name, value in values.items():
        write_table(folder / name, utterances, value)
    labels = "".join(f"class{index}\n" for index in range(CLASSES))
    (folder / "labels.txt").write_text(labels, encoding="utf-8")
    return folder


def write_table(path: Path, lines: int, value: Callable[[int, str], str]) -> None:
    """Write a table whose values are made of the number and the key of each line."""
    keys = ((index, f"clip{index:09d}") for index in range(lines))
    with open(path, "w", encoding="utf-8") as stream:
        stream.writelines(f"{key} {value(index, key)}\n" for index, key in keys)


def measure(command: list[str]) -> tuple[float, float]:
    """Run a command; return wall time in seconds and peak memory in MiB."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"failed: {' '.join(command)}")
    return time.perf_counter() - start, usage.ru_maxrss / 1024


if __name__ == "__main__":
    main()
