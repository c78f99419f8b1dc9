"""Decode a long recording whose outputs come in windows that overlap."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from asda.decoding.hypothesis import Hypothesis
from asda.text.unit_model import BLANK

Part = tuple[int, np.ndarray]  # first step in the recording, log probabilities (steps, units)
SURE = math.log(0.5)  # the blank is more probable than all units together


class Decoded(NamedTuple):
    """What was recognised in a recording.

    Args:
        hypothesis: its units, with their steps in the recording
        log_probs: natural-log probability of each unit at its step, (units,) float32
    """

    hypothesis: Hypothesis
    log_probs: np.ndarray


def decoded(windows: Sequence[Part], decode: Callable[[np.ndarray], Hypothesis]) -> Decoded:
    """Return what is recognised in the windows of a recording.

    Outputs between two sure cuts are decoded by themselves, so that memory and time of a search
    with an n-gram grow no faster than the recording; the n-gram knows no words before a cut.

    Args:
        windows: at least one, in order; together they cover the recording
        decode: natural-log probabilities (steps, units) -> hypothesis
    """
    units: list[int] = []
    steps: list[int] = []
    score, log_probs = 0.0, [np.empty(0, np.float32)]
    for first, rows in pieces(windows):
        found = decode(rows)
        units += found.units
        steps += (first + step for step in found.steps)
        score += found.score
        log_probs.append(rows[list(found.steps), list(found.units)])
    return Decoded(Hypothesis(tuple(units), tuple(steps), score), np.concatenate(log_probs))


def pieces(windows: Sequence[Part]) -> Iterator[Part]:
    """Yield the outputs between sure cuts, which together cover every step once.

    Where two windows are cut without a blank, a unit may lie on both sides; there the piece goes
    on, so that it is decoded as one unit.
    """
    start = first = windows[0][0]
    held: list[np.ndarray] = []
    for before, after in itertools.pairwise(windows):
        end, sure = cut_between(before, after, start)
        held.append(before[1][start - before[0] : end - before[0]])
        start = end
        if sure:
            yield first, np.concatenate(held)
            first, held = end, []
    held.append(windows[-1][1][start - windows[-1][0] :])
    yield first, np.concatenate(held)


def cut_between(before: Part, after: Part, least: int = 0) -> tuple[int, bool]:
    """Return the first step that the later of two windows gives, and whether both are sure of it.

    It is the middle of the longest stretch of the overlap in which both windows give the blank more
    than half of the probability: most likely a pause. Of equally long stretches, that nearest to
    the middle of the overlap is taken, where both windows know what comes before and after. Without
    any, it is the step at which the blank is most probable in both.

    Args:
        before: the earlier window
        after: the later one, which begins before the earlier one ends or where it ends
        least: the cut is not before this step
    """
    (first_before, rows_before), (first_after, rows_after) = before, after
    start, end = max(least, first_after), first_before + len(rows_before)
    if start >= end:
        return end, False
    blank = np.minimum(
        rows_before[start - first_before : end - first_before, BLANK],
        rows_after[start - first_after : end - first_after, BLANK],
    )
    middle = (end - start) / 2
    runs = _runs(blank > SURE)
    if not runs:
        best = np.flatnonzero(blank == blank.max())
        return start + int(best[np.abs(best + 0.5 - middle).argmin()]), False
    first, last = max(runs, key=lambda run: (run[1] - run[0], -abs(sum(run) / 2 - middle)))
    return start + (first + last) // 2, True


def _runs(flags: np.ndarray) -> list[tuple[int, int]]:
    """Return start and end of each stretch of true values."""
    edges = np.flatnonzero(np.diff(flags, prepend=False, append=False)).tolist()
    return list(itertools.pairwise(edges))[::2]
