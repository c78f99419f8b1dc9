"""Greedy decoding: the best unit of each step."""

from __future__ import annotations

import numpy as np

from asda.decoding.hypothesis import Hypothesis
from asda.text.unit_model import BLANK


def greedy(log_probs: np.ndarray) -> Hypothesis:
    """Return the units of the best path, without blanks and without repetitions.

    The first of several equally probable units is taken.

    Args:
        log_probs: natural-log probabilities (steps, units) of one utterance; unit 0 is the blank
    """
    path = log_probs.argmax(axis=1)
    begins = path != BLANK
    begins[1:] &= path[1:] != path[:-1]
    steps = np.flatnonzero(begins)
    score = float(log_probs.max(axis=1).sum(dtype=np.float64)) if len(path) else 0.0
    return Hypothesis(tuple(path[steps].tolist()), tuple(steps.tolist()), score)
