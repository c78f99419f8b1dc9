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
        units: which units of the hypothesis it consists of, from the first to after the last
    """

    text: str
    start: int
    end: int
    units: slice


def words_of(hypothesis: Hypothesis, unit_model: UnitModel) -> list[Word]:
    """Return the words of a hypothesis in their order.

    CTC emits each unit at a moment within its sound, often for a single step. So a
    word may last longer than from `start` to `end`, on either side.
    """
    found: list[Word] = []
    for first, last in _split(hypothesis, unit_model):
        text = unit_model.decode(hypothesis.units[first:last])
        start, end = hypothesis.steps[first], hypothesis.steps[last - 1] + 1
        found.append(Word(text, start, end, slice(first, last)))
    return found


def _split(hypothesis: Hypothesis, unit_model: UnitModel) -> Iterator[tuple[int, int]]:
    """Yield the first unit of each word and that after its last; a lone space is in none."""
    pieces = [unit_model.pieces[unit] for unit in hypothesis.units]
    first = 0
    for number, piece in enumerate([*pieces, WORD_START]):
        if piece.startswith(WORD_START):
            if number > first:
                yield first, number
            first = number + (piece == WORD_START)
