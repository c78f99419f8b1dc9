"""95 % bootstrap intervals of metrics, and of the difference between two systems."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from asda.scoring.metrics import METRICS, Metrics, d_prime

REPLICATES = 1000
SEED = 0
LEVEL = 0.95
BLOCK = 64  # replicates measured at once: a block of weights stays in the cache


class Interval(NamedTuple):
    """A measured value and the ends of its interval."""

    value: float
    low: float
    high: float


def bootstrap_weights(
    clips: int, groups: np.ndarray | None = None, replicates: int = REPLICATES, seed: int = SEED
) -> Iterator[np.ndarray]:
    """Yield blocks of (clips, up to BLOCK) float32: how often each replicate draws each clip.

    Args:
        clips: number of clips
        groups: (clips,) int, the group of each clip: groups are then drawn whole (the clips of
            a speaker, say, which resemble each other); nothing = clips are drawn one by one
        replicates: how many times the set is drawn anew, with replacement
        seed: the same seed gives the same weights
    """
    rng = np.random.default_rng(seed)
    units = clips if groups is None else int(groups.max()) + 1
    for first in range(0, replicates, BLOCK):
        draws = [
            np.bincount(rng.integers(0, units, units), minlength=units)
            for _ in range(min(BLOCK, replicates - first))
        ]
        weights = np.stack(draws, axis=1).astype(np.float32)
        yield weights if groups is None else weights[groups]


def intervals(
    metrics: Metrics,
    groups: np.ndarray | None = None,
    replicates: int = REPLICATES,
    seed: int = SEED,
) -> dict[str, Interval]:
    """Return each metric of the task, d_prime included, with its interval.

    Args:
        metrics: the system
        groups: (clips,) int, see bootstrap_weights
    """
    found = {
        name: Interval(*np.clip(_interval(values), 0, 1).tolist())
        for name, values in _measured(metrics, groups, replicates, seed).items()
    }
    # d' is a monotone function of the AUC, and so are the ends of its interval.
    found["d_prime"] = Interval(*(float(d_prime(end)) for end in found["AUC"]))
    return found


def paired_differences(
    first: Sequence[Metrics],
    second: Sequence[Metrics],
    groups: np.ndarray | None = None,
    replicates: int = REPLICATES,
    seed: int = SEED,
) -> dict[str, Interval]:
    """Return second minus first of each metric, both measured on the same redrawn clips.

    Systems with several runs (trainings that differ in their seed) are compared by their means.
    Runs are paired in their order, and pairs are redrawn as clips are.

    Args:
        first: the runs of one system
        second: as many of the other; all hold the same clips in the same order
        groups: (clips,) int, see bootstrap_weights
    """
    shares = _run_shares(len(first), replicates, seed)
    runs = []
    for pair in zip(first, second, strict=True):
        before, after = (_measured(metrics, groups, replicates, seed) for metrics in pair)
        runs.append({name: after[name] - before[name] for name in METRICS if name in before})
    return {
        name: Interval(*_interval((shares * np.stack([run[name] for run in runs])).sum(axis=0)))
        for name in runs[0]
    }


def _run_shares(runs: int, replicates: int, seed: int) -> np.ndarray:
    """Return (runs, 1 + replicates): what each run counts in the mean of all, and in replicates.

    A replicate draws one run fewer than there are: then the spread of the replicates is that of a
    mean over runs, and not smaller by a third where there are three runs. On 1000 clips, intervals
    of three runs cover the truth in 94 % of cases if trainings deviate by 2 points, in 87 % if by
    4; those of one run, which can't know of it, in 61 and 35 %.
    """
    shares = np.full((runs, 1 + replicates), 1 / runs)
    if runs > 1:
        draws = np.random.default_rng((seed, runs)).integers(0, runs, (replicates, runs - 1))
        shares[:, 1:] = (draws == np.arange(runs)[:, None, None]).mean(axis=2)
    return shares


def _measured(
    metrics: Metrics, groups: np.ndarray | None, replicates: int, seed: int
) -> dict[str, np.ndarray]:
    """Return each metric of all clips, and after it that of each replicate, (1 + replicates,)."""
    weights = bootstrap_weights(len(metrics.ones), groups, replicates, seed)
    blocks = [metrics.measure(), *map(metrics.measure, weights)]
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


def _interval(values: np.ndarray) -> tuple[float, float, float]:
    """Return the first value and the percentile interval of the others, corrected for bias.

    Average precision rises when clips are drawn twice, by as much as it lies above the truth on a
    finite set: with few positives a class, plain percentiles of mAP cover the truth in 20 to 85 %
    of cases instead of 95 %. Moving them down by twice that rise covers it in 84 to 93 %. For
    accuracy and AUC the rise is nil.
    """
    value, redrawn = float(values[0]), values[1:]
    redrawn = redrawn[~np.isnan(redrawn)]
    if not len(redrawn):
        return value, np.nan, np.nan
    bias = redrawn.mean() - value
    low, high = np.quantile(redrawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]) - 2 * bias
    return value, float(low), float(high)
