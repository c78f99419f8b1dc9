"""Words of hypotheses with their steps."""

import itertools

import pytest

from asda.decoding.hypothesis import Hypothesis
from asda.decoding.words import Word, words_of
from asda.text.unit_model import UnitModel
from asda.text.unit_training import train_units
from asda.text.units_config import UnitsConfig

TEXT = "press one now press two to hear the time"


@pytest.fixture(params=["char", "bpe", "word"])
def units(request, tmp_path):
    (tmp_path / "texts.txt").write_text(f"{TEXT}\nnow press one\n")
    size = 24 if request.param == "bpe" else None
    folder = str(tmp_path / "units")
    train_units(UnitsConfig(str(tmp_path / "texts.txt"), folder, kind=request.param, size=size))
    return UnitModel.load(folder)


def test_words_are_those_of_the_text_with_the_steps_of_their_units(units):
    numbers = units.encode(TEXT)
    steps = [3 * position for position in range(len(numbers))]
    words = words_of(Hypothesis(tuple(numbers), tuple(steps), 0.0), units)
    assert [word.text for word in words] == TEXT.split()
    for before, after in itertools.pairwise(words):
        assert before.start < before.end <= after.start
    assert words[-1].end == steps[-1] + 1


def test_a_lone_space_is_no_part_of_a_word(tmp_path):
    (tmp_path / "texts.txt").write_text("ab b\n")
    train_units(UnitsConfig(str(tmp_path / "texts.txt"), str(tmp_path / "units"), kind="char"))
    units = UnitModel.load(tmp_path / "units")
    space, a, b = (units.pieces.index(piece) for piece in "▁ab")
    hypothesis = Hypothesis((b, space, space, a, b, 1, space), (0, 2, 4, 6, 7, 8, 9), 0.0)
    assert words_of(hypothesis, units) == [
        Word("b", 0, 1, slice(0, 1)),
        Word("ab<unk>", 6, 9, slice(3, 6)),
    ]


def test_no_units_are_no_words(units):
    assert words_of(Hypothesis((), (), 0.0), units) == []
