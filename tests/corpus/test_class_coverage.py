from collections import Counter
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asda.corpus.class_coverage import cover_classes

flat = chain.from_iterable


def cover(*parts):
    """Items are words; their letters are classes."""
    return cover_classes([part.split() for part in parts], set)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (["a a b", "a b", "a b"], [["a", "a", "b"], ["a", "b"], ["a", "b"]]),  # nothing to do
        (["b b b", "a b", "b"], [["b", "b", "b", "a"], ["b"], ["b"]]),  # of one: training
        (["b b", "a b", "a b"], [["b", "b", "a"], ["a", "b"], ["b"]]),  # of two: and testing
        (["b b", "b b", "a a b"], [["b", "b", "a"], ["b", "b", "a"], ["b"]]),
        (["a a a b", "b", "b"], [["a", "b"], ["b", "a"], ["b", "a"]]),  # of three: in all
        (["b", "a b", "ab ab b"], [["b", "ab"], ["a", "b"], ["ab", "b"]]),  # several labels
        (["c c", "c", "a"], [["c", "a"], ["c"], ["c"]]),  # another takes the place of the last
        (["a", "b", "c"], [["a", "b", "c"], [], []]),
        (["a b", "a b", ""], [["a", "b"], ["b"], ["a"]]),  # testing gives what training has
    ],
)
def test_a_class_is_in_the_first_parts(parts, expected):
    assert cover(*parts) == expected


single = st.lists(st.sampled_from("abcdefgh"), max_size=30)


@given(parts=st.tuples(single, single, single))
def test_with_one_class_each_all_are_covered(parts):
    found = cover_classes(parts, set)
    assert Counter(flat(found)) == Counter(flat(parts))
    totals, before = Counter(flat(parts)), [Counter(part) for part in parts]
    after = [Counter(part) for part in found]
    for name, total in totals.items():
        assert after[0][name]
        if all(before) and all(of_part[c] for of_part in before for c in totals):
            assert after == before
        if all(len(part) > 1 for part in found):
            assert sum(1 for of_part in after if of_part[name]) == min(total, 3)


@given(
    parts=st.lists(
        st.lists(st.sets(st.sampled_from("abcde"), min_size=1).map(frozenset), max_size=8),
        min_size=2,
        max_size=3,
    )
)
def test_with_several_classes_training_loses_none(parts):
    found = cover_classes(parts, frozenset)
    assert Counter(flat(found)) == Counter(flat(parts))
    assert set().union(*found[0]) == set().union(*flat(parts))
