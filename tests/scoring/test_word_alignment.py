"""Alignments have the fewest errors, and are printed in columns in any script."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asda.scoring.aligned_text import aligned_lines, columns_of, operations_in_words
from asda.scoring.word_alignment import (
    AlignedWord,
    Operations,
    aligned_words,
    character_errors,
    count_operations,
)

TEXTS = st.lists(st.sampled_from(["a", "b", "ab", "мир", "*", "你好"]), max_size=7).map(" ".join)


def distance(reference, hypothesis):
    """Return the edit distance of two sequences by the recursion that defines it."""
    previous = list(range(len(hypothesis) + 1))
    for row, symbol in enumerate(reference, 1):
        current = [row]
        for column, other in enumerate(hypothesis, 1):
            substitution = previous[column - 1] + (symbol != other)
            current.append(min(substitution, previous[column] + 1, current[-1] + 1))
        previous = current
    return previous[-1]


@given(TEXTS, TEXTS)
def test_errors_are_the_edit_distance(reference, hypothesis):
    words = aligned_words(reference, hypothesis)
    found = count_operations(words)
    assert found.errors == distance(reference.split(), hypothesis.split())
    assert found.words == len(reference.split())
    assert [word.reference for word in words if word.reference] == reference.split()
    assert [word.hypothesis for word in words if word.hypothesis] == hypothesis.split()
    assert character_errors(reference, hypothesis) == distance(reference, hypothesis)


@pytest.mark.parametrize(
    ("reference", "hypothesis", "errors"),
    [
        ("", "", 0),
        ("", "oh", 2),
        ("oh no", "", 5),
        ("ice cream", "icecream", 1),  # a space is a character
        ("привет", "привят", 1),
        ("你好 世界", "你好世", 2),
    ],
)
def test_character_errors(reference, hypothesis, errors):
    assert character_errors(reference, hypothesis) == errors


def test_operations():
    words = aligned_words("the cat sat on", "a cat on uh")
    assert [word.operation for word in words] == ["S", "C", "D", "C", "I"]
    assert count_operations(words) == Operations(2, 1, 1, 1)


def test_an_alignment_is_printed_in_columns():
    words = aligned_words("the cat sat", "the dog sat down")
    assert aligned_lines(words) == [
        "REF: the cat sat ****",
        "HYP: the dog sat down",
        "         S       I",
    ]


def test_columns_line_up_in_wide_scripts_and_with_combining_marks():
    words = aligned_words("你好 cafe\u0301 x", "hi cafe x y")
    reference, hypothesis, marks = aligned_lines(words)
    assert reference == "REF: 你好 cafe\u0301 x *"
    assert hypothesis == "HYP: hi   cafe x y"
    assert marks == "     S    S      I"
    assert columns_of("你好") == 4
    assert columns_of("e\u0301") == 1


def test_a_long_alignment_is_continued_below():
    lines = aligned_lines([AlignedWord("word", "word")] * 7, longest=23)
    assert max(map(len, lines)) == len("REF: word word word")
    assert sum(line.count("word") for line in lines if line.startswith("REF")) == 7
    assert len(lines) == 9
    one = aligned_lines([AlignedWord("w" * 40, "v")], longest=23)
    assert one[0] == "REF: " + "w" * 40


def test_an_empty_alignment_has_two_lines_without_words():
    assert aligned_lines([]) == ["REF:", "HYP:", ""]


def test_errors_in_words():
    assert operations_in_words(Operations(3, 0, 0, 0)) == "0 errors in 3 words"
    found = operations_in_words(Operations(0, 1, 0, 2))
    assert found == "3 errors in 1 word: 1 substitution, 2 insertions"
