"""Features that others made: every matrix is compared with the others and with the tables."""

import os

import kaldiio
import numpy as np
import pytest

from asda.features.archive import ArchiveReader
from asda.features.archive_writer import write_matrix
from asda.features.stored_faults import stored_faults

ROWS = 20


def stored(path, compression="none", **widths):
    """Write an archive of matrices (ROWS, width) and return its feats.scp."""
    with open(path, "wb") as stream:
        return {
            name: f"{path}:{write_matrix(stream, name, matrix(width), compression)}"
            for name, width in widths.items()
        }


def matrix(width, rows=ROWS):
    return np.random.default_rng(width).normal(-5, 3, (rows, width)).astype(np.float32)


def faults(table, frames=None):
    frames = dict.fromkeys(table, ROWS) | (frames or {})
    return stored_faults(list(table), table, frames, ArchiveReader())


@pytest.mark.parametrize("compression", ["none", "2", "3", "5"])
def test_widths_that_differ_from_most_are_named_even_that_of_the_first(tmp_path, compression):
    table = stored(tmp_path / "a.ark", compression, a=40, b=64, c=64, d=80, e=64)
    assert faults(table) == {
        "a": "has 40 columns, most of the others have 64",
        "d": "has 80 columns, most of the others have 64",
    }


def test_frames_that_the_table_miscounts_are_named(tmp_path):
    table = stored(tmp_path / "a.ark", a=8, b=8)
    assert faults(table, {"b": 21}) == {"b": "has 20 frames, but 21 in utt2num_frames"}
    table["a"] += "[5:9]"
    assert faults(table, {"a": 5}) == {}


def test_truncated_archives_and_wrong_offsets_are_named(tmp_path):
    path = tmp_path / "a.ark"
    table = stored(path, a=8, b=8, c=8)
    size = path.stat().st_size
    os.truncate(path, size - 1)
    found = faults(table | {"b": f"{path}:{size + 50}"})
    assert sorted(found) == ["b", "c"]
    assert found["b"].startswith(f"cannot be read: {path}:{size + 50}")
    assert "the file ends there" in found["b"]
    assert "a matrix of 20 x 8 does not fit into the file" in found["c"]
    path.unlink()
    assert faults(table)["a"] == f"cannot be read: {path}: No such file or directory"


def test_the_matrix_of_another_utterance_is_named(tmp_path):
    table = stored(tmp_path / "a.ark", a=8, b=8, c=8)
    swapped = table | {"a": table["b"], "b": table["a"]}
    assert faults(swapped) == {
        "a": f"has the location of 'b', {table['b']}",
        "b": f"has the location of 'a', {table['a']}",
    }


def test_renamed_utterances_and_copies_are_no_fault(tmp_path):
    table = stored(tmp_path / "a.ark", a=8, b=8)
    assert faults({f"new-{name}": specifier for name, specifier in table.items()}) == {}
    assert faults(table | {"copy-a": table["a"]}) == {}


def test_formats_that_kaldiio_reads_are_compared_too(tmp_path):
    matrices = {"u1": matrix(8).astype(np.float64), "u2": matrix(9).astype(np.float64)}
    kaldiio.save_ark(str(tmp_path / "d.ark"), matrices, scp=str(tmp_path / "d.scp"))
    kaldiio.save_mat(str(tmp_path / "single.mat"), matrix(8))
    lines = (tmp_path / "d.scp").read_text().splitlines()
    table = dict(line.split() for line in lines) | {"u3": str(tmp_path / "single.mat")}
    assert faults(table) == {"u2": "has 9 columns, most of the others have 8"}
