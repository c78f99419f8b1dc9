"""Tables in little memory are what `read_table` returns."""

import pickle
import random
import re

import numpy as np
import pytest

from asda.corpus import packed_table
from asda.corpus.datadir import DataDir, read_table
from asda.corpus.packed_table import PackedNames, read_packed
from asda.files import InputError
from asda.scoring.compare import read_groups

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


def test_packed_names_are_a_sequence(table):
    names = PackedNames(["b", "", "ä", "a"])
    assert names == ["b", "", "ä", "a"] != names[::-1]
    assert (names[-1], names[np.int64(2)], names[1:3], len(names)) == ("a", "ä", ["", "ä"], 4)
    with pytest.raises(IndexError):
        names[4]
