"""The best path of given units through the outputs of a CTC head."""

from __future__ import annotations

import numpy as np

from asda.text.unit_model import BLANK


def unit_steps(log_probs: np.ndarray, units: tuple[int, ...]) -> tuple[int, ...]:
    """Return the step at which each unit begins on the most probable path that spells the units.

    Viterbi's algorithm over the units with a blank around each: a path stays, goes on by one, or
    leaves out the blank between two different units. Among equally probable paths, the last units
    come as early as they can.

    Args:
        log_probs: natural-log probabilities (steps, units); unit 0 is the blank
        units: at least as many steps are needed as units and blanks between equal neighbours
    """
    states = np.full(2 * len(units) + 1, BLANK)
    states[1::2] = units
    skips = np.zeros(len(states), bool)
    skips[3::2] = states[3::2] != states[1:-2:2]
    came_by = np.zeros((len(log_probs), len(states)), np.int8)
    best = np.full(len(states), -np.inf)
    best[0] = 0.0  # before the first step
    for step, row in enumerate(log_probs):
        moves = np.full((3, len(states)), -np.inf)
        moves[0] = best
        moves[1, 1:] = best[:-1]
        moves[2, 2:] = np.where(skips[2:], best[:-2], -np.inf)
        came_by[step] = moves.argmax(axis=0)
        best = moves.max(axis=0) + row[states]
    last = len(states) - 1
    ends_in_unit = len(states) > 1 and best[last - 1] > best[last]
    return _first_steps(came_by, last - int(ends_in_unit), len(units))


def _first_steps(came_by: np.ndarray, state: int, units: int) -> tuple[int, ...]:
    """Follow a path back from its last state and return the step at which each unit begins."""
    steps = [0] * units
    for step in range(len(came_by) - 1, -1, -1):
        move = int(came_by[step, state])
        if state % 2 and move:
            steps[state // 2] = step
        state -= move
    return tuple(steps)
