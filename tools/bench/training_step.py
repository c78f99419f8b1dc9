#!/usr/bin/env python3
"""Training steps and inference of the base model, against the textbook form in textbook.py.

Usage: tools/bench/training_step.py [CASE ...] [--rounds 2] [--device cuda] [--out FILE]

On a CPU: a pretraining step of one clip with 16 masks, a fine-tuning step and the inference of 4
clips, of 10 s each, in float32 and bf16. On a GPU, under bf16 autocast: pretraining of 12 clips,
fine-tuning and inference of 32, and differential attention alone (attention_forms.py).

A step is everything between two batches: teacher update, forward, backward, gradient clipping and
AdamW. Each form runs in a process of its own, so that peak memory can be compared; they take turns
at single steps after one to warm up, and the fastest step is reported. Clips are noise, which takes
as long as sound.

On a GPU the forms run one after the other, so that each has all of its memory; a round is 10 steps
without a pause, and asda is measured as it is, with compiled blocks, and with CUDA graphs of them.
"largest" are pretraining steps of 24, 48, ... clips, until clips per second rise by less than 2 %
or memory is full. --dry runs all this on the CPU with a tiny model, where compiling ends after it
has traced the blocks.

The floor is the number of multiply-adds in matrix products and convolutions (multiply_adds.py), at
the rate of a large matrix product measured between the steps; "peak" is their rate as a share of
what the card can compute in bf16 by its data sheet (gpu_peaks.py).
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import attention_forms
import torch
from arguments import MODEL_SIZES
from model_steps import FORMS, model_config
from result_file import ResultFile
from step_report import Comparison, find_largest

from asda.commands.number_types import positive

CASES = ("pretraining", "finetuning", "inference", "attention", "largest")
CLIPS = {
    "cpu": {"pretraining": 1, "finetuning": 4, "inference": 4},
    "cuda": {"pretraining": 12, "finetuning": 32, "inference": 32},
    "dry": {"pretraining": 1, "finetuning": 1, "inference": 1},
}


def main() -> None:
    arguments = parsed()
    device, size = arguments.device, "tiny" if arguments.dry else arguments.size
    kind = "dry" if arguments.dry else device
    results = ResultFile(arguments.out, f"Steps of the {size} model, clips of 10 s", device)
    print(f"{size} model, {machine(device)}; MiB are peaks")
    print(
        f"{'step':<22}{'form':<15}{'s':>8}{'ratio':>7}{'clips/s':>9}{'MiB':>8}{'ratio':>7}"
        f"{'floor s':>9}{'s / floor':>11}{'peak':>7}"
    )
    for case in arguments.cases or (CASES[:3] if kind == "cpu" else CASES):
        if case == "attention":
            clips = 1 if arguments.dry else arguments.clips
            attention_forms.compare(device, model_config(size).heads, arguments.rounds, clips)
        elif case == "largest":
            find_largest(CLIPS[kind]["pretraining"], device, size, results)
        else:
            clips = arguments.clips or CLIPS[kind][case]
            table = Comparison(case, clips, device, size, results)
            measure = table.in_turn if kind == "cpu" else table.one_by_one
            measure(FORMS[kind], arguments.rounds)
    results.finish()


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"any of {', '.join(CASES)}")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument(
        "--clips", type=positive, help="clips per step (default: depends on the case)"
    )
    parser.add_argument("--rounds", type=positive, default=2, help="timed steps per form")
    parser.add_argument("--size", choices=MODEL_SIZES, default="base", help="model size")
    parser.add_argument("--dry", action="store_true", help="try out the GPU's cases on the CPU")
    parser.add_argument("--out", type=Path, help="JSON file for the results; measured ones stay")
    arguments = parser.parse_args()
    if unknown := set(arguments.cases) - set(CASES):
        parser.error(f"no such case: {', '.join(sorted(unknown))}")
    return arguments


def machine(device: str) -> str:
    if device == "cuda":
        return torch.cuda.get_device_name()
    return f"{torch.get_num_threads()} threads on {os.cpu_count()} cores"


if __name__ == "__main__":
    main()
