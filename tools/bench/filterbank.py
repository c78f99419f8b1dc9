#!/usr/bin/env python3
"""Log-mel filterbank on one core, one clip after the other, against torchaudio.

Usage: tools/bench/filterbank.py [--seconds 10 5 1] [--clips 20] [--rounds 15]

Clips are noise with a falling spectrum, as in natural sound. The two take turns, and the median
over rounds is reported. Differences are between log-mel values: between the two, followed by
torchaudio's own error relative to its result in float64. The floor is the minimum arithmetic, a
real FFT of each padded frame (2.5 n log2 n) and two multiply-adds for the energy of each bin, at
the rate of a matrix product on this core, which an FFT does not reach.
"""

from __future__ import annotations

import argparse
import math
import os
import time
from collections.abc import Callable
from statistics import median

import torch
from torchaudio.compliance import kaldi

from asda.commands.number_types import positive
from asda.features.fbank import Fbank
from asda.features.fbank_config import FbankConfig

SIDE = 1024  # of the matrices that measure the arithmetic rate of this core


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, nargs="+", default=[10, 5, 1], help="clip lengths")
    parser.add_argument("--clips", type=positive, default=20, help="clips per round")
    parser.add_argument("--rounds", type=positive, default=15)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    config = FbankConfig()
    fbank = Fbank(config)
    rate = product_rate()
    print(
        f"clips per second on one of {os.cpu_count()} cores, {rate / 1e9:.0f} GFLOP/s; "
        f"{config.num_mel_bins} mel bins of {config.sample_rate} Hz"
    )
    print(
        f"{'clip':<6}{'torchaudio':>12}{'asda':>8}{'ratio':>7}{'floor':>8}"
        f"{'largest difference':>20}{'error':>9}{'mean':>10}{'error':>10}"
    )
    for seconds in arguments.seconds:
        clips = make_clips(arguments.clips, round(seconds * config.sample_rate))
        torchaudio_seconds, asda_seconds = compare(
            [lambda clip: by_torchaudio(clip, config), fbank], clips, arguments.rounds
        )
        flops = config.num_frames(len(clips[0])) * frame_flops(config.frame_length)
        largest, mean, own_largest, own_mean = differences(fbank, clips)
        print(
            f"{seconds:>4g} s{1 / torchaudio_seconds:>12.0f}{1 / asda_seconds:>8.0f}"
            f"{torchaudio_seconds / asda_seconds:>7.2f}{rate / flops:>8.0f}"
            f"{largest:>20.1g}{own_largest:>9.1g}{mean:>10.1g}{own_mean:>10.1g}",
            flush=True,
        )


def make_clips(clips: int, samples: int) -> list[torch.Tensor]:
    """Return clips (samples,) of noise, louder at low frequencies, with std about 0.1."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(clips, samples + 8, generator=generator)
    return list(noise.unfold(1, 9, 1).mean(-1).mul_(0.3).clone())


def by_torchaudio(clip: torch.Tensor, config: FbankConfig) -> torch.Tensor:
    """Return torchaudio's log-mel features with asda's default settings, in the clip's dtype."""
    return kaldi.fbank(
        (clip - clip.mean())[None],
        sample_frequency=config.sample_rate,
        num_mel_bins=config.num_mel_bins,
        frame_length=config.frame_length_ms,
        frame_shift=config.frame_shift_ms,
        window_type=config.window,
        dither=0.0,
        htk_compat=True,
        use_energy=False,
    )


def compare(functions: list[Callable], clips: list[torch.Tensor], rounds: int) -> list[float]:
    """Return seconds per clip for each function, the median over rounds."""
    seconds: list[list[float]] = [[] for _ in functions]
    for _ in range(rounds):
        for function, taken in zip(functions, seconds, strict=True):
            start = time.perf_counter()
            for clip in clips:
                function(clip)
            taken.append((time.perf_counter() - start) / len(clips))
    return [median(taken) for taken in seconds]


def differences(fbank: Fbank, clips: list[torch.Tensor]) -> tuple[float, float, float, float]:
    """Return largest and mean difference from torchaudio, and of torchaudio from float64."""
    found = torch.stack([fbank(clip) for clip in clips])
    torchaudio = torch.stack([by_torchaudio(clip, fbank.config) for clip in clips])
    exact = torch.stack([by_torchaudio(clip.double(), fbank.config) for clip in clips])
    between, own = (found - torchaudio).abs(), (torchaudio - exact).abs()
    return between.max().item(), between.mean().item(), own.max().item(), own.mean().item()


def frame_flops(length: int) -> float:
    """Return the minimum number of operations per frame: FFT, squares and filters."""
    padded = 2 ** math.ceil(math.log2(length))
    return 2.5 * padded * math.log2(padded) + (3 + 4) * padded / 2


def product_rate() -> float:
    """Return operations per second of a float32 matrix product."""
    matrix = torch.randn(SIDE, SIDE)
    seconds = compare([lambda other: matrix @ other], [matrix], 9)[0]
    return 2 * SIDE**3 / seconds


if __name__ == "__main__":
    main()
