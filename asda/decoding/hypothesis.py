"""What a decoder finds in the outputs of a CTC head."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Hypothesis:
    """The units that were recognised in an utterance.

    Args:
        units: indices of the units, without blanks
        steps: step at which each unit begins: the first of its run on the best path, (units,)
        score: natural logarithm of the probability by which the units were chosen: that of the
            best path, or of all paths together, with the weighted n-gram and bonus if there are any
    """

    units: tuple[int, ...]
    steps: tuple[int, ...]
    score: float
