#!/usr/bin/env python3
"""Patches for recognition: outputs per second, speed and memory of training steps.

Usage: tools/bench/recognition_patches.py [--batch 16] [--seconds 5] [--repeats 10] [--threads 1]

The network is that of egs/asterisk (64 mel bins, 6 blocks of width 192), on noise. Each shape is
measured in a process of its own, in float32; the shortest of the steps counts.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import time
from multiprocessing.connection import Connection

import torch

from asda.commands.number_types import positive
from asda.model.ctc_head import CtcHead
from asda.model.model_config import ModelConfig, PatchConfig
from asda.tasks.recognition import ctc_loss

MEL, UNITS, FRAMES_PER_SECOND, UNITS_PER_SECOND = 64, 86, 100, 10
# Frames and mel bins of a patch, frames from one patch to the next, outputs per patch
SHAPES = {
    "40 ms": (4, MEL, 4, 1),
    "40 ms, every 20": (4, MEL, 2, 1),
    "120 ms, every 40": (12, MEL, 4, 1),
    "120 ms, every 20": (12, MEL, 2, 1),
    "200 ms, every 40": (20, MEL, 4, 1),
    "16 x 16": (16, 16, 16, 4),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batch", type=positive, default=16, help="clips per batch")
    parser.add_argument("--seconds", type=positive, default=5, help="length of a clip")
    parser.add_argument("--repeats", type=positive, default=10, help="steps of each shape")
    parser.add_argument("--threads", type=positive, default=1)
    options = parser.parse_args()
    print("| patch | outputs per second | audio per second | memory of a step |")
    print("| ----- | ------------------ | ---------------- | ---------------- |")
    spawn = multiprocessing.get_context("spawn")
    for name in SHAPES:
        here, there = spawn.Pipe()
        process = spawn.Process(target=measure, args=(there, name, vars(options)))
        process.start()
        outputs, seconds, mebibytes = here.recv()
        process.join()
        audio = options.batch * options.seconds
        print(
            f"| {name} | {outputs / options.seconds:.0f} | {audio / seconds:.0f} s"
            f" | {mebibytes:.0f} MB |"
        )


def measure(connection: Connection, name: str, options: dict[str, int]) -> None:
    """Send outputs of a clip, seconds of a step, and the memory that steps add, in MB."""
    torch.set_num_threads(options["threads"])
    time_, freq, stride, steps_per_patch = SHAPES[name]
    patch = PatchConfig(time=time_, freq=freq, time_stride=stride, position_scale=0.2)
    config = ModelConfig(size="tiny", mel_bins=MEL, depth=6, width=192, heads=6, patch=patch)
    model = CtcHead(config.resolved(), UNITS, steps_per_patch=steps_per_patch)
    features = torch.randn(options["batch"], options["seconds"] * FRAMES_PER_SECOND, MEL)
    units = torch.randint(2, UNITS, (options["batch"], options["seconds"] * UNITS_PER_SECOND))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    times = []
    for _ in range(1 + options["repeats"]):
        begin = time.perf_counter()
        logits = model(features)
        ctc_loss(logits, model.valid_steps(logits, None), units).backward()
        model.zero_grad(set_to_none=True)
        times.append(time.perf_counter() - begin)
    memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    connection.send((logits.shape[1], min(times), memory))


if __name__ == "__main__":
    main()
