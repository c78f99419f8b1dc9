"""Find the same sound in several files: other formats, rates, levels, or silence at the ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from clip_measures import RATE, Measures, fingerprint_of, without_quiet_ends

TOLERANCE = 0.02  # by which trimmed lengths may differ
SLACK = 0.03  # seconds added to it
ALIKE = 0.95  # cosine of fingerprints from which waveforms are compared
SAME = 0.8  # correlation of the waveforms, at the best shift, of one sound


def repeated(
    clips: Sequence[Measures], audio: Callable[[int], np.ndarray]
) -> dict[int, tuple[int, str]]:
    """Return index of a clip -> index of an earlier one with its sound, and how it was found.

    Args:
        clips: usable clips, the preferred ones first
        audio: returns the samples (samples,) at RATE of the clip of an index
    """
    first: dict[str, int] = {}
    found: dict[int, tuple[int, str]] = {}
    for index, clip in enumerate(clips):
        if first.setdefault(clip.digest, index) != index:
            found[index] = (first[clip.digest], "identical")
    for early, late in sorted(_similar_pairs(clips, set(found))):
        if early in found or late in found:
            continue
        if correlation(audio(early), audio(late)) > SAME:
            found[late] = (early, "same sound")
    return found


def _similar_pairs(clips: Sequence[Measures], without: set[int]) -> Iterator[tuple[int, int]]:
    """Yield pairs (earlier, later) of clips of about equal length and alike in fingerprint."""
    order = sorted(set(range(len(clips))) - without, key=lambda index: clips[index].trimmed)
    if not order:
        return
    lengths = np.array([clips[index].trimmed for index in order])
    prints = np.stack([fingerprint_of(clips[index]) for index in order])
    ends = np.searchsorted(lengths, lengths * (1 + TOLERANCE) + SLACK, side="right")
    for place, end in enumerate(ends):
        near = prints[place + 1 : end] @ prints[place]
        for other in np.flatnonzero(near > ALIKE):
            pair = (order[place], order[place + 1 + int(other)])
            yield min(pair), max(pair)


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Return the greatest normalised correlation of two waveforms over all shifts up to 0.1 s."""
    one, other = without_quiet_ends(one), without_quiet_ends(other)
    size = 1 << (len(one) + len(other)).bit_length()
    product = np.fft.rfft(one, size) * np.conj(np.fft.rfft(other, size))
    shifts = np.abs(np.fft.irfft(product, size))
    reach = RATE // 10
    best = max(float(shifts[: reach + 1].max()), float(shifts[-reach:].max()))
    return best / max(float(np.linalg.norm(one) * np.linalg.norm(other)), 1e-12)
