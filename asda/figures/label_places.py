"""Where labels are written so that they do not overlap."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

STEPS = 600  # enough for fifty names whose boxes fill a third of the figure
CLEARANCE = 1.05  # of the size of a label, which is estimated


def spread(wanted: Sequence[float], gap: float) -> list[float]:
    """Return places near the wanted ones, in the same order, at least `gap` apart.

    Neighbours that are too close become a group, centred on the mean of what its members want.

    Args:
        wanted: places along a line
        gap: least distance of two places
    """
    groups: list[list[int]] = []
    for index in np.argsort(wanted, kind="stable"):
        groups.append([int(index)])
        while len(groups) > 1 and _overlap(groups[-2], groups[-1], wanted, gap):
            groups[-2:] = [groups[-2] + groups[-1]]
    places = [0.0] * len(wanted)
    for group in groups:
        for number, index in enumerate(group):
            places[index] = _lowest(group, wanted, gap) + number * gap
    return places


def _overlap(
    lower: Sequence[int], upper: Sequence[int], wanted: Sequence[float], gap: float
) -> bool:
    """Return whether the groups of two neighbours are less than `gap` apart."""
    return _lowest(upper, wanted, gap) < _lowest(lower, wanted, gap) + len(lower) * gap


def _lowest(group: Sequence[int], wanted: Sequence[float], gap: float) -> float:
    """Return the lowest place of a group that is centred on the mean of what it wants."""
    mean = sum(wanted[index] for index in group) / len(group)
    return mean - (len(group) - 1) * gap / 2


def separate(centres: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Return centres of boxes near the given ones, at which no two boxes overlap.

    Overlapping boxes are pushed apart along the direction in which they overlap least. With so
    many boxes that they do not fit, some overlaps may remain.

    Args:
        centres: (boxes, 2) float
        sizes: (boxes, 2) float, width and height of each box in the same unit
    """
    places = centres.astype(np.float64).copy()
    # Boxes with the same centre need a direction in which they part.
    places += 1e-6 * np.arange(len(places))[:, None] * np.array([1, -1])
    reach = CLEARANCE * (sizes[:, None] + sizes[None]) / 2  # (boxes, boxes, 2)
    for _ in range(STEPS):
        apart = places[:, None] - places[None]
        overlap = reach - np.abs(apart)
        hit = (overlap > 0).all(axis=2)
        np.fill_diagonal(hit, False)
        if not hit.any():
            break
        narrow = overlap.argmin(axis=2)[..., None]
        push = np.zeros_like(apart)
        shift = np.sign(apart) * overlap / 2
        np.put_along_axis(push, narrow, np.take_along_axis(shift, narrow, axis=2), axis=2)
        places += (push * hit[..., None]).sum(axis=1)
    return places
