from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from asda.corpus.partition import cut, cut_by_group, evenly_spaced, hashed_share

sizes = st.lists(st.integers(1, 9), min_size=1, max_size=40)


@given(total=st.integers(0, 200), parts=st.integers(1, 30))
def test_cut_is_a_partition_into_like_sizes(total, parts):
    pieces = cut(range(total), parts)
    assert len(pieces) == parts
    assert [item for piece in pieces for item in piece] == list(range(total))
    lengths = list(map(len, pieces))
    assert max(lengths) - min(lengths) <= 1
    assert lengths == sorted(lengths, reverse=True)


@given(sizes=sizes, data=st.data())
def test_cut_by_group_keeps_groups_whole_and_leaves_no_piece_empty(sizes, data):
    parts = data.draw(st.integers(1, len(sizes)))
    groups = [[(group, index) for index in range(size)] for group, size in enumerate(sizes)]
    pieces = cut_by_group(groups, parts)
    assert len(pieces) == parts
    assert all(pieces)
    assert [item for piece in pieces for item in piece] == [i for group in groups for i in group]
    piece_of = {item[0]: number for number, piece in enumerate(pieces) for item in piece}
    assert all(piece_of[group] == n for n, piece in enumerate(pieces) for group, _ in piece)


@given(count=st.integers(2, 30), parts=st.integers(2, 30))
def test_equal_groups_are_cut_about_evenly(count, parts):
    groups = [[0, 0]] * (count * parts)
    assert set(map(len, cut_by_group(groups, parts))) == {2 * count}


@given(total=st.integers(1, 200), data=st.data())
def test_evenly_spaced(total, data):
    count = data.draw(st.integers(1, total))
    chosen = evenly_spaced(range(total), count)
    gaps = {after - before for before, after in pairwise(chosen)}
    assert len(set(chosen)) == count
    assert chosen == sorted(chosen)
    assert not gaps or max(gaps) - min(gaps) <= 1


@given(sizes=sizes, percents=st.lists(st.integers(1, 100), min_size=2, max_size=2))
def test_shares_are_nested_and_have_their_part_of_each_group(sizes, percents):
    groups = [[f"{group}-{index}" for index in range(size)] for group, size in enumerate(sizes)]
    smaller, larger = (hashed_share(groups, percent, str) for percent in sorted(percents))
    assert {*smaller} <= {*larger}
    for number, group in enumerate(groups):
        of_group = [name for name in larger if name.startswith(f"{number}-")]
        assert len(of_group) == max(1, round(len(group) * max(percents) / 100))


def test_a_share_is_neither_the_first_names_nor_another_on_each_call():
    names = [f"name{index:02d}" for index in range(10)]
    assert hashed_share([names], 30, str) == ["name04", "name06", "name08"]
    assert hashed_share([names[::-1]], 30, str) == ["name08", "name06", "name04"]
