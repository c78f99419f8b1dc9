"""Alignments as text: reference, hypothesis and operations one below the other."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

from asda.files import plural
from asda.scoring.word_alignment import NO_WORD, AlignedWord, Operations

LONGEST_LINE = 100  # columns of a terminal
LEADS = ("REF:", "HYP:", "    ")
MISSING = "*"  # repeated in place of a word that one of the texts lacks


def columns_of(text: str) -> int:
    """Return the columns that a text takes on a terminal.

    Wide characters of East Asian scripts take two, combining marks and format characters none
    (Unicode Standard Annex 11).
    """
    return sum(map(_columns_of_character, text))


def _columns_of_character(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def aligned_lines(words: Sequence[AlignedWord], longest: int = LONGEST_LINE) -> list[str]:
    """Return three lines per block: reference, hypothesis, and S, D or I below each error.

    Args:
        words: an alignment
        longest: columns of a line; longer alignments are continued in further blocks
    """
    blocks = _blocks([_cells(word) for word in words], longest - len("REF: "))
    lines = []
    for block in blocks:
        texts = [" ".join(cell[row] for cell in block) for row in range(len(LEADS))]
        lines += [f"{lead} {text}".rstrip() for lead, text in zip(LEADS, texts, strict=True)]
    return lines


def _cells(word: AlignedWord) -> tuple[str, str, str]:
    """Return word, word and operation, filled up to the same number of columns."""
    widest = max(columns_of(text) for text in word)
    shown = [text if text != NO_WORD else MISSING * widest for text in word]
    shown.append(word.operation.replace("C", ""))
    reference, hypothesis, mark = (text + " " * (widest - columns_of(text)) for text in shown)
    return reference, hypothesis, mark


def _blocks(
    cells: Sequence[tuple[str, str, str]], longest: int
) -> Iterator[list[tuple[str, str, str]]]:
    """Yield runs of cells that fit into a line, at least one cell in each."""
    block: list[tuple[str, str, str]] = []
    used = 0
    for cell in cells:
        taken = columns_of(cell[0]) + 1
        if block and used + taken > longest + 1:
            yield block
            block, used = [], 0
        block.append(cell)
        used += taken
    yield block


def operations_in_words(found: Operations) -> str:
    """Return the errors of an utterance: "2 errors in 9 words: 1 substitution, 1 deletion"."""
    counts = [
        (found.substitutions, "substitution"),
        (found.deletions, "deletion"),
        (found.insertions, "insertion"),
    ]
    kinds = ", ".join(f"{count} {plural(count, name)}" for count, name in counts if count)
    errors = f"{found.errors} {plural(found.errors, 'error')}"
    total = f"{errors} in {found.words} {plural(found.words, 'word')}"
    return f"{total}: {kinds}" if kinds else total
