"""Words of a hypothesis aligned with those of its reference, and the errors between them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from kaldialign import align, edit_distance

NO_WORD = ""  # stands in an alignment where one of the texts has no word


class AlignedWord(NamedTuple):
    """A word of the reference with the word that was recognised in its place.

    Args:
        reference: NO_WORD where a word was inserted
        hypothesis: NO_WORD where a word was deleted
    """

    reference: str
    hypothesis: str

    @property
    def operation(self) -> str:
        """C, S, I or D: correct, substitution, insertion or deletion."""
        if self.reference == self.hypothesis:
            return "C"
        if self.reference == NO_WORD:
            return "I"
        return "D" if self.hypothesis == NO_WORD else "S"


class Operations(NamedTuple):
    """How often each operation occurs in an alignment, or in several."""

    correct: int
    substitutions: int
    deletions: int
    insertions: int

    @property
    def errors(self) -> int:
        return self.substitutions + self.deletions + self.insertions

    @property
    def words(self) -> int:
        """Words of the reference."""
        return self.correct + self.substitutions + self.deletions


def aligned_words(reference: str, hypothesis: str) -> list[AlignedWord]:
    """Return an alignment with the fewest errors, where each of the three costs 1.

    Args:
        reference: words separated by spaces; may be empty
        hypothesis: the same
    """
    return [AlignedWord(*pair) for pair in align(reference.split(), hypothesis.split(), NO_WORD)]


def count_operations(words: Iterable[AlignedWord]) -> Operations:
    """Return how often each operation occurs."""
    counts = Counter(word.operation for word in words)
    return Operations(*(counts[operation] for operation in "CSDI"))


def character_errors(reference: str, hypothesis: str) -> int:
    """Return the fewest insertions, deletions and substitutions of characters.

    A character is a Unicode code point. Spaces between words count, so that words which are wrongly
    joined or divided are errors.
    """
    return int(edit_distance(reference, hypothesis)["total"])
