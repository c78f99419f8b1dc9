#!/usr/bin/env python3
"""Padding and throughput of training batches: fixed, grouped by length, limited in frames.

Usage: tools/bench/batches.py [--clips 2000] [--batch 16] [--frames 6000] [--size tiny]

Lengths are those of utterances of 0.5 to 15 s, log-normal with a median of 3.3 s, or real ones by
--lengths (a file of lines 'utterance frames'). Printed for an epoch: the share of padding, the
frames of the largest and the smallest batch, and the throughput of training steps of a recogniser
on noise, in seconds of audio per second. Steps are as many batches, evenly chosen, as hold about
--seconds of audio. "fixed" are batches of as many clips in random order, "grouped" those of
data.group_by_length, "bucketed" those of data.batch_frames.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from arguments import MODEL_SIZES
from torch.nn.utils.rnn import pad_sequence

from asda.commands.number_types import positive
from asda.dataset.frame_batches import Batches, FrameBatches, padding_share
from asda.dataset.sampling import TrainingBatches
from asda.files import numbered_lines
from asda.model.ctc_head import CtcHead
from asda.model.model_config import ModelConfig, PatchConfig
from asda.tasks.recognition import ctc_loss

MEL, FRAME_SECONDS = 128, 0.01
UNITS, FRAMES_PER_UNIT = 100, 10


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=positive, default=2000)
    parser.add_argument("--lengths", type=Path)
    parser.add_argument("--batch", type=positive, default=16, help="clips per batch")
    parser.add_argument("--frames", type=positive, default=6000, help="frames per batch")
    parser.add_argument("--seconds", type=positive, default=600, help="audio that steps are on")
    parser.add_argument("--size", choices=MODEL_SIZES, default="tiny")
    options = parser.parse_args()
    torch.set_num_threads(1)
    lengths = listed_lengths(options.lengths) if options.lengths else drawn_lengths(options.clips)
    print(f"{len(lengths)} clips, median {np.median(lengths) * FRAME_SECONDS:.1f} s")
    print("batches    padding  largest  smallest  audio s/s")
    for name, batches in orders(lengths, options.batch, options.frames).items():
        sizes = [len(batch) * int(lengths[batch].max()) for batch in batches]
        speed = throughput(chosen(batches, lengths, options.seconds), lengths, options.size)
        print(
            f"{name:<9} {padding_share(batches, lengths):8.1%} {max(sizes):8} {min(sizes):9}"
            f" {speed:10.1f}"
        )


def drawn_lengths(clips: int) -> np.ndarray:
    """Return lengths of utterances in frames."""
    seconds = np.random.default_rng(0).lognormal(1.2, 0.8, clips)
    return (np.clip(seconds, 0.5, 15) / FRAME_SECONDS).astype(np.int64)


def listed_lengths(path: Path) -> np.ndarray:
    return np.array([int(line.split()[1]) for _, line in numbered_lines(path)])


def orders(lengths: np.ndarray, batch: int, frames: int) -> dict[str, Batches]:
    """Return the batches of an epoch in each order."""
    grouped = TrainingBatches(lengths, batch, seed=1)
    fixed = TrainingBatches(lengths, batch, seed=1, group_by_length=False)
    return {
        "fixed": list(fixed.epoch(0)),
        "grouped": list(grouped.epoch(0)),
        "bucketed": FrameBatches(grouped, lengths, frames).epoch(0),
    }


def chosen(batches: Batches, lengths: np.ndarray, seconds: float) -> Batches:
    """Return evenly chosen batches that hold about as many seconds of audio."""
    total = sum(int(lengths[batch].sum()) for batch in batches) * FRAME_SECONDS
    step = max(1, round(total / seconds))
    return sorted(batches, key=lambda batch: int(lengths[batch].max()))[step // 2 :: step]


def throughput(batches: Batches, lengths: np.ndarray, size: str) -> float:
    """Return seconds of audio per second of forward and backward passes of a recogniser."""
    config = ModelConfig(size=size, mel_bins=MEL, patch=PatchConfig(time=4, freq=MEL))
    model = CtcHead(config.resolved(), UNITS)
    step(model, lengths[batches[0]])
    begin = time.perf_counter()
    for batch in batches:
        step(model, lengths[batch])
    audio = sum(int(lengths[batch].sum()) for batch in batches) * FRAME_SECONDS
    return audio / (time.perf_counter() - begin)


def step(model: CtcHead, lengths: np.ndarray) -> None:
    features = torch.zeros(len(lengths), int(lengths.max()), MEL)
    for row, length in zip(features, lengths, strict=True):
        row[:length].normal_()
    num_frames = torch.from_numpy(lengths)
    texts = [torch.randint(1, UNITS, (max(1, length // FRAMES_PER_UNIT),)) for length in lengths]
    units = pad_sequence(texts, batch_first=True, padding_value=-1)
    logits = model(features, num_frames)
    model.zero_grad(set_to_none=True)
    ctc_loss(logits, model.valid_steps(logits, num_frames), units).backward()


if __name__ == "__main__":
    main()
