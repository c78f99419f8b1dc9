"""Sums over all paths through small outputs."""

import itertools

import numpy as np

PIECES = ["<blank>", "<unk>", "▁a", "b"]


def random_log_probs(seed, steps, units, sharpness=1.0):
    logits = sharpness * np.random.default_rng(seed).standard_normal((steps, units))
    return (logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)).astype(np.float32)


def collapsed(path):
    runs = [unit for unit, _ in itertools.groupby(path)]
    return tuple(unit for unit in runs if unit)


def all_paths(log_probs):
    """Yield the path and the log probability of each path."""
    steps, units = log_probs.shape
    for path in itertools.product(range(units), repeat=steps):
        yield path, float(log_probs[np.arange(steps), path].astype(float).sum())


def by_brute_force(log_probs):
    """Return the log probability of each sequence of units, over all paths."""
    sums = {}
    for path, log_prob in all_paths(log_probs):
        units = collapsed(path)
        sums[units] = np.logaddexp(sums.get(units, -np.inf), log_prob)
    return sums


def spell(*rows):
    """Return log probabilities from probabilities."""
    with np.errstate(divide="ignore"):
        return np.log(np.array(rows, np.float32))
