"""Tables in little memory are what `read_table` returns, however their lines look."""

import pickle
import random
import re

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from asda.corpus import line_blocks, packed_names, packed_table
from asda.corpus.datadir import DataDir, read_table
from asda.corpus.packed_columns import packed_utterances
from asda.corpus.packed_names import PackedNames
from asda.corpus.packed_table import read_packed
from asda.files import InputError
from asda.scoring.compare import read_groups

# Keys of which some begin alike, and pieces that only a reading line by line takes well.
KEYS = st.sampled_from(["a", "a-1", "a1", "ab", "b", "clip0000001", "clip0000002", "ä", "zz", ""])
GAPS = st.sampled_from([" ", " ", " ", "\t", "  ", "\u3000", "\x1c", ""])
VALUES = st.sampled_from(["1", "x:12", "two words", "ö", "12 ", "\r", "\0", "\ufeff", ""])

LINES = ["a 1", "b-b \t2  two ", "a-1 ", "ä ö ü", "a1 x:12[3:4]", "zz top"]


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "text"
    path.write_text("".join(f"{line}\n" for line in LINES))
    return path


def test_a_packed_table_is_the_dict_of_its_lines_in_their_order(table):
    packed, plain = read_packed(table), read_table(table, values=False)
    assert list(packed.items()) == list(plain.items())
    assert [packed.row(key) for key in plain] == list(range(len(LINES)))
    for absent in ("", "A", "a-", "a 1", "zzz"):
        assert absent not in packed


@pytest.mark.parametrize("same_hash", [False, True])
def test_keys_are_found_in_any_order_also_if_hashes_are_equal(tmp_path, monkeypatch, same_hash):
    if same_hash:
        monkeypatch.setattr(packed_table, "_hash", lambda key: len(key) % 2)
    keys = [f"clip{number}" for number in range(300)]
    random.Random(0).shuffle(keys)
    (tmp_path / "utt2x").write_text("".join(f"{key} v{key}\n" for key in keys))
    packed = pickle.loads(pickle.dumps(read_packed(tmp_path / "utt2x")))
    assert [packed[key] for key in sorted(keys)] == [f"v{key}" for key in sorted(keys)]
    assert [key in packed for key in ("clip299", "clip300", "clip29")] == [True, False, True]


@pytest.mark.parametrize(
    "lines",
    [
        "a 1\nb 2\na 3\nb 4\n",
        "a 1\n\n",
        "a 1\nb\n",
        "a 1\n\xff 2\n",
        "a 1\na 2\nb\n",  # of two wrong lines, the first
        "a 1\n\na 2\n",
        "a 1\na 2\n\xff 2\n",
        None,
    ],
)
def test_what_read_table_refuses_is_refused_in_the_same_words(tmp_path, lines):
    path = tmp_path / "wav.scp"
    if lines is not None:
        path.write_bytes(lines.encode("latin-1"))
    with pytest.raises(InputError) as expected:
        read_table(path)
    with pytest.raises(InputError) as found:
        read_packed(path)
    assert str(found.value) == str(expected.value)
    with pytest.raises(InputError, match=f"^{re.escape(str(expected.value))}$"):
        read_groups(path, np.array(["a"]))
    if lines is not None:
        with pytest.raises(InputError, match=f"^{re.escape(str(expected.value))}$"):
            _ = DataDir(tmp_path).utterances


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(KEYS, GAPS, VALUES), max_size=12), st.booleans(), st.booleans())
@example([("a", " ", "1"), ("b", " ", "2"), ("c", " ", "3")], True, True)
def test_lines_of_any_form_are_read_as_one_by_one(tmp_path_factory, lines, values, ended):
    path = tmp_path_factory.mktemp("table", numbered=True) / ("utt2x" if values else "text")
    text = "".join(f"{key}{gap}{value}\n" for key, gap, value in lines)
    path.write_text(text if ended else text[:-1], newline="")
    with pytest.MonkeyPatch.context() as changed:
        changed.setattr(line_blocks, "BLOCK_BYTES", 20)
        changed.setattr(packed_names, "TOGETHER", 3)
        assert outcome(read_packed, path) == outcome(lambda path: read_table(path, values), path)


def outcome(read, path):
    """Return the lines of a table in both orders, or what is said of it."""
    try:
        table = read(path)
    except InputError as error:
        return str(error)
    return list(table.items()), [(key, table[key]) for key in [*table][::-1]]


@pytest.mark.parametrize("bad", ["c", "\xff 1", "", "b 2"])
def test_the_line_of_a_fault_is_named_in_any_block(tmp_path, monkeypatch, bad):
    monkeypatch.setattr(line_blocks, "BLOCK_BYTES", 64)
    lines = [f"b{number:03d} 1" for number in range(100)]
    lines[57:57] = ["b 2"] * (bad == "b 2")
    (tmp_path / "utt2x").write_bytes("\n".join([*lines[:80], bad, *lines[80:]]).encode("latin-1"))
    with pytest.raises(InputError) as found:
        read_packed(tmp_path / "utt2x")
    assert str(found.value).startswith(f"{tmp_path / 'utt2x'}:81: ")


@pytest.mark.parametrize("order", ["sorted", "any"])
def test_rows_are_those_of_the_names_and_minus_one_without(tmp_path, monkeypatch, order):
    monkeypatch.setattr(packed_names, "TOGETHER", 7)
    rng = random.Random(0)
    keys = sorted({f"clip{rng.randrange(400):x}" for _ in range(200)} | {"a", "ä", "zzz"})
    if order == "any":
        rng.shuffle(keys)
    (tmp_path / "utt2x").write_text("".join(f"{key} {key}\n" for key in keys))
    table = read_packed(tmp_path / "utt2x")
    assert table.names.increasing == (order == "sorted")
    names = sorted([*rng.sample(keys, 60), "", "b", "clip", "clipzz", "zzzz", "ä "])
    expected = [keys.index(name) if name in keys else -1 for name in names]
    for given_names in (names, PackedNames(names), names[::-1], PackedNames(names[::-1])):
        step = 1 if given_names[0] == names[0] else -1
        assert table.rows(given_names).tolist() == expected[::step]
    assert table.rows(table.names).tolist() == list(range(len(keys)))
    few = PackedNames(["clipzz", keys[-1]])  # looked up one by one
    assert table.rows(few).tolist() == [-1, len(keys) - 1]


def test_each_key_of_a_long_sorted_table_is_found_and_no_other(tmp_path):
    keys = [f"k{number:04d}" for number in range(0, 1000, 2)]
    (tmp_path / "utt2x").write_text("".join(f"{key} {key} k0001 x\n" for key in keys))
    table = read_packed(tmp_path / "utt2x")
    for step in (-1, 7):
        assert [table[key] for key in keys[::step]] == [f"{key} k0001 x" for key in keys[::step]]
    absent = [f"k{number:04d}" for number in range(1, 1000, 2)]
    for key in ("", "k", "k000", "k0000 k0000", "k0130 k0130 k0001", "z", *absent):
        assert key not in table


def test_a_name_with_a_null_byte_is_not_that_of_a_line_without(tmp_path):
    (tmp_path / "utt2x").write_text("a 1\nb 1\n")
    names = PackedNames(["a", "a\0", "b\0"])
    assert not names.increasing
    assert read_packed(tmp_path / "utt2x").rows(names).tolist() == [0, -1, -1]


def test_utterances_are_sorted_names_without_the_rest_of_the_lines(tmp_path, monkeypatch):
    monkeypatch.setattr(packed_names, "TOGETHER", 4)
    keys = [f"u{number:02d}" for number in range(30)]
    for lines in (keys, keys[::-1]):
        (tmp_path / "utt2spk").write_text("".join(f"{key} speaker{key}\n" for key in lines))
        names = packed_utterances(DataDir(tmp_path))
        assert names == DataDir(tmp_path).utterances == keys
        assert bytes(names.text) == "".join(f"{key}\n" for key in keys).encode()


def test_chosen_names_are_those_of_the_mask(table, monkeypatch):
    monkeypatch.setattr(packed_names, "TOGETHER", 2)
    names = read_packed(table).names
    for mask in np.random.default_rng(0).random((20, len(names))) < 0.5:
        assert names.chosen(mask) == [
            name for name, is_in in zip(names, mask, strict=True) if is_in
        ]


def test_packed_names_are_a_sequence(table):
    names = PackedNames(["b", "", "ä", "a"])
    assert names == ["b", "", "ä", "a"] != names[::-1]
    assert (names[-1], names[np.int64(2)], names[1:3], len(names)) == ("a", "ä", ["", "ä"], 4)
    with pytest.raises(IndexError):
        names[4]
