"""Change the sample rate of mono audio, at once or block by block with the same result."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Literal

import numpy as np
import soxr

Resampler = Literal["soxr", "torchaudio"]
CONTEXT = 0.05  # seconds on either side of a block; the filter of torchaudio reaches less far


def resampled(
    blocks: Iterable[np.ndarray], rate: int, sample_rate: int, resampler: Resampler
) -> Iterator[np.ndarray]:
    """Yield blocks (samples,) float32 at `sample_rate`, round(seconds x sample_rate) in all.

    Args:
        blocks: mono audio (samples,) float32 at `rate`
        rate: sample rate of the blocks in Hz
        sample_rate: sample rate of the result in Hz
        resampler: "torchaudio" is that of the reference and may give one sample more
    """
    if rate == sample_rate:
        yield from blocks
    elif resampler == "torchaudio":
        yield from _by_torchaudio(blocks, rate, sample_rate)
    else:
        yield from _by_soxr(blocks, rate, sample_rate)


def _by_soxr(blocks: Iterable[np.ndarray], rate: int, sample_rate: int) -> Iterator[np.ndarray]:
    stream = None
    taken = given = 0
    for block, last in _with_last(blocks):
        if last and not taken:  # the same as by a stream, in 80 % of the time
            out = soxr.resample(block, rate, sample_rate, quality="HQ")
        else:
            stream = stream or soxr.ResampleStream(rate, sample_rate, 1, "float32", "HQ")
            out = stream.resample_chunk(block, last=last)
        taken += len(block)
        if last:  # soxr rounds halves up
            out = out[: round(taken / rate * sample_rate) - given]
        given += len(out)
        yield out


def _by_torchaudio(
    blocks: Iterable[np.ndarray], rate: int, sample_rate: int
) -> Iterator[np.ndarray]:
    """Resample each block together with what lies around it, and keep its own part."""
    import torch
    import torchaudio

    divisor = math.gcd(rate, sample_rate)
    step, new_step = rate // divisor, sample_rate // divisor  # so many samples become so many
    context = math.ceil(CONTEXT * rate / step) * step
    held, before = np.empty(0, np.float32), 0  # samples not yet resampled, and those before them
    for block, last in _with_last(blocks):
        held = np.concatenate([held, block])
        count = len(held) - before
        if not last:
            count = max(0, count - context) // step * step
        if count:
            waveform = torch.from_numpy(held[: before + count + context])
            out = torchaudio.functional.resample(waveform, rate, sample_rate).numpy()
            first = before // step * new_step
            yield out[first:] if last else out[first : first + count // step * new_step]
            kept = min(context, before + count)
            held, before = held[before + count - kept :], kept


def _with_last(blocks: Iterable[np.ndarray]) -> Iterator[tuple[np.ndarray, bool]]:
    """Yield contiguous blocks and whether each is the last one."""
    iterator = iter(blocks)
    block = next(iterator)
    for following in iterator:
        yield np.ascontiguousarray(block), False
        block = following
    yield np.ascontiguousarray(block), True
