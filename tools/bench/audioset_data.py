#!/usr/bin/env python3
"""Time and memory of data preparation in egs/audioset, with generated lists and small files.

Usage: tools/bench/audioset_data.py [--clips 2000000] [--dir FOLDER]
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
from datadir_scale import measure

from asda.commands.number_types import positive

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
CLASSES = 527
BALANCED, EVAL = 22160, 20371  # sizes of the real lists; all other clips are unbalanced
MISSING = 0.05  # fraction of the clips without audio
PER_FOLDER = 50000  # hard links to one file, of which ext4 allows 65,000
LABELS = (1, 1, 2, 2, 3, 4)  # number of labels of a clip, drawn uniformly
ENDINGS = {".wav": "PCM_16", ".flac": "PCM_16"}
PREPARE = Path(__file__).resolve().parents[2] / "egs/audioset/local/data.py"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=positive, default=2_000_000)
    parser.add_argument("--dir", help="working folder (default: a temporary one)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.dir) as name:
        folder = Path(name)
        start = time.perf_counter()
        make_corpus(folder / "corpus", arguments.clips)
        print(
            f"generated in {time.perf_counter() - start:.0f} s; {os.cpu_count()} cores", flush=True
        )
        prepare = [sys.executable, str(PREPARE), str(folder / "corpus"), str(folder / "data")]
        show(f"preparation of {arguments.clips}", prepare)
        validate = [sys.executable, "-m", "asda", "data", "validate", "--no-feats"]
        show("validation of train_2m", [*validate, str(folder / "data/train_2m")])


def show(what: str, command: list[str]) -> None:
    before = os.times()
    seconds, mebibytes = measure(command)
    after = os.times()
    cpu = sum(after[2:4]) - sum(before[2:4])
    print(
        f"{what}: {seconds:.0f} s, of which {cpu:.0f} s of CPU; peak memory {mebibytes:.0f} MiB",
        flush=True,
    )


def make_corpus(folder: Path, clips: int) -> None:
    """Write lists of random videos, with class frequencies as uneven as AudioSet's, and audio."""
    rng = random.Random(0)
    lists = folder / "metadata"
    lists.mkdir(parents=True)
    with open(lists / "class_labels_indices.csv", "w") as stream:
        print("index,mid,display_name", file=stream)
        stream.writelines(f'{c},/m/{c:06d},"Class {c}, or so"\n' for c in range(CLASSES))
    videos = ("".join(rng.choices(LETTERS, k=11)) for _ in range(clips))
    balanced, evaluation = min(BALANCED, clips // 3), min(EVAL, clips // 3)
    sizes = {"balanced_train": balanced, "eval": evaluation}
    sizes["unbalanced_train"] = clips - sum(sizes.values())
    listed: list[str] = []
    for part, count in sizes.items():
        with open(lists / f"{part}_segments.csv", "w") as stream:
            print(f"# Segments\n# num_segs={count}\n# YTID, etc.", file=stream)
            for labels, video in zip(random_labels(count, rng), videos, strict=False):
                print(f'{video}, 30.000, 40.000, "{labels}"', file=stream)
                listed.append(video)
    for number, first in enumerate(range(0, clips, PER_FOLDER)):
        link_audio(folder / f"part{number:02d}", listed[first : first + PER_FOLDER], rng)


def random_labels(count: int, rng: random.Random) -> Iterator[str]:
    """Yield the labels of clips; class frequencies fall as 1 / rank."""
    frequencies = [1 / (rank + 1) for rank in range(CLASSES)]
    for _ in range(count):
        drawn = set(rng.choices(range(CLASSES), frequencies, k=rng.choice(LABELS)))
        yield ",".join(f"/m/{label:06d}" for label in drawn)


def link_audio(folder: Path, videos: list[str], rng: random.Random) -> None:
    """Write files for most videos of a part, in one format and one naming scheme."""
    folder.mkdir()
    ending, subtype = rng.choice(list(ENDINGS.items()))
    form = rng.choice(["{}", "Y{}", "{}_30.000_40.000", "{}_30000_40000"])
    sound = np.random.default_rng(0).uniform(-0.1, 0.1, 16000)
    soundfile.write(folder / f"sound{ending}", sound, 16000, subtype=subtype)
    for video in videos:
        if rng.random() >= MISSING:
            os.link(folder / f"sound{ending}", folder / f"{form.format(video)}{ending}")


if __name__ == "__main__":
    main()
