"""Columns of tables read in blocks are what reading line by line gives."""

import numpy as np
import pytest

from asda.corpus import packed_names
from asda.corpus.datadir import DataDir, read_table
from asda.corpus.packed_columns import packed_digest, packed_numbers
from asda.corpus.packed_names import PackedNames
from asda.corpus.packed_table import read_packed
from asda.digests import table_digest
from asda.files import InputError


@pytest.fixture(autouse=True)
def few_together(monkeypatch):
    monkeypatch.setattr(packed_names, "TOGETHER", 4)


def write(path, lines):
    path.write_text("".join(f"{key} {value}\n" for key, value in lines.items()))
    return read_packed(path)


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(
    "chosen", [slice(None), slice(3, 17), slice(0, None, 3), slice(8, 2), slice(1, 2)]
)
def test_the_digest_is_that_of_each_line(tmp_path, order, chosen):
    lines = {f"u{number:02d}": f"v{number}  ä" for number in range(20)}
    table = write(tmp_path / "utt2x", dict([*lines.items()][::order]))
    names = ["a", "u02x", *lines, "z"][chosen]
    plain = read_table(tmp_path / "utt2x")
    assert packed_digest(PackedNames(names), table) == table_digest(names, plain)
    assert packed_digest(PackedNames(names), None) == table_digest(names, {})


def test_numbers_are_those_of_each_line(tmp_path):
    lines = {f"u{number:02d}": f"{number / 7}" for number in range(20)}
    lines |= {"u03": "1_000", "u11": "١٢", "u12": "1e3", "u15": " 5 "}
    table = write(tmp_path / "utt2x", lines)
    rows = np.array([3, 0, 19, 11, 12, 15, 5])
    found = packed_numbers(DataDir(tmp_path), "utt2x", table, rows)
    assert found.tolist() == [1000.0, 0.0, 19 / 7, 12.0, 1000.0, 5.0, 5 / 7]


@pytest.mark.parametrize("bad", ["x", "nan", "1e999", "1 2"])
def test_a_line_without_a_number_is_named_if_it_is_used(tmp_path, bad):
    table = write(tmp_path / "utt2x", {f"u{n}": str(n) for n in range(8)} | {"u6": bad})
    directory = DataDir(tmp_path)
    good = packed_numbers(directory, "utt2x", table, np.array([0, 5, 7]))
    assert good.tolist() == [0, 5, 7]
    with pytest.raises(InputError, match=rf"utt2x:7: not a number: '{bad}'"):
        packed_numbers(directory, "utt2x", table, np.arange(8))
