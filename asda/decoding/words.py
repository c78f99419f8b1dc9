"""Words with their times, made of units."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from asda.decoding.hypothesis import Hypothesis
from asda.text.unit_model import WORD_START, UnitModel


@dataclass(frozen=True)
class Word:
    """A word of a hypothesis.

    Args:
        text: as the units spell it
        start: step at which its first unit begins
        end: step after that at which its last unit begins
    """

    text: str
    start: int
    end: int


def words_of(hypothesis: Hypothesis, unit_model: UnitModel) -> list[Word]:
    """Return the words of a hypothesis in their order.

    CTC gives each unit at a moment within it, often for a single step, and blanks otherwise. So a
    word may last longer than from `start` to `end`, on either side.
    """
    return [
        Word(unit_model.decode(units), steps[0], steps[-1] + 1)
        for units, steps in _split(hypothesis, unit_model)
    ]


def _split(hypothesis: Hypothesis, unit_model: UnitModel) -> Iterator[tuple[list[int], list[int]]]:
    """Yield the units of each word that stand for characters, and their steps."""
    units: list[int] = []
    steps: list[int] = []
    for unit, step in zip(hypothesis.units, hypothesis.steps, strict=True):
        piece = unit_model.pieces[unit]
        if piece.startswith(WORD_START) and units:
            yield units, steps
            units, steps = [], []
        if piece != WORD_START:
            units.append(unit)
            steps.append(step)
    if units:
        yield units, steps
