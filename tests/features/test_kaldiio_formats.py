"""kaldiio is optional: the usual formats work without it, and the others say what to install."""

import contextlib
import os
import pickle
import sys

import kaldiio
import numpy as np
import pytest

from asda.dump.plan import plan
from asda.features.archive import ArchiveReader
from asda.features.archive_writer import write_matrix
from asda.files import InputError

MATRIX = np.random.default_rng(0).normal(-7, 3, (30, 8)).astype(np.float32)


@pytest.fixture
def without_kaldiio(monkeypatch):
    monkeypatch.setitem(sys.modules, "kaldiio", None)  # importing it raises ImportError


@pytest.mark.parametrize(("compression", "error"), [("none", 0), ("3", 2e-4), ("5", 0.05)])
def test_usual_formats_work_without_kaldiio(tmp_path, without_kaldiio, compression, error):
    with open(tmp_path / "a.ark", "wb") as stream:
        offset = write_matrix(stream, "utt", MATRIX, compression)
    found = ArchiveReader().read(f"{tmp_path}/a.ark:{offset}")
    np.testing.assert_allclose(found, MATRIX, rtol=0, atol=error)


@pytest.mark.parametrize("compression", ["1", "2", "4", "6", "7"])
def test_other_compression_says_what_to_install(tmp_path, without_kaldiio, compression):
    message = f"compression method {compression} needs kaldiio: pip install kaldiio"
    with open(tmp_path / "a.ark", "wb") as stream, pytest.raises(InputError, match=message):
        write_matrix(stream, "utt", MATRIX, compression)
    with pytest.raises(InputError, match=message):  # before any job of a dump starts
        plan(tmp_path / "dump", [tmp_path], None, compression, 1)


@pytest.mark.parametrize("specifier", ["single.mat", "cat a.ark |", "a.ark:0"])
def test_reading_other_formats_says_what_to_install(tmp_path, without_kaldiio, specifier):
    (tmp_path / "a.ark").write_bytes(b"text of a matrix, [ 1 2 3 ]\n")
    with pytest.raises(InputError, match="this format needs kaldiio: pip install kaldiio"):
        ArchiveReader().read(specifier.replace("a.ark", f"{tmp_path}/a.ark"))


class Attack:
    """Unpickled, it makes a folder."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return os.mkdir, (str(self.target),)


def test_a_pickle_in_an_archive_is_not_read(tmp_path):
    content = b"x PKL" + pickle.dumps(Attack(tmp_path / "owned"))
    (tmp_path / "a.ark").write_bytes(content)
    (tmp_path / "b.ark").write_bytes(content[2:])
    for specifier in (f"{tmp_path}/a.ark:2", f"{tmp_path}/b.ark", f"cat {tmp_path}/b.ark |"):
        with pytest.raises(
            InputError, match="not a matrix of a Kaldi archive: it begins with b'PKL"
        ):
            ArchiveReader().read(specifier)
    assert not (tmp_path / "owned").exists()
    with contextlib.suppress(Exception):
        kaldiio.load_mat(f"{tmp_path}/a.ark:2")
    assert (tmp_path / "owned").exists()  # the attack is real


def test_doubles_beyond_single_precision_are_refused(tmp_path):
    kaldiio.save_ark(str(tmp_path / "a.ark"), {"x": np.full((2, 2), 1e300)})
    with pytest.raises(InputError, match="values that are not finite"):
        ArchiveReader().read(f"{tmp_path}/a.ark:2")


def test_rows_and_columns_of_other_forms(tmp_path):
    matrix = np.arange(12.0).reshape(4, 3)
    kaldiio.save_ark(str(tmp_path / "a.ark"), {"x": matrix})
    for ranges in ("[1:2]", "[1:2,0:1]", "[,0:1]", "[0:9,2:2]"):
        specifier = f"{tmp_path}/a.ark:2{ranges}"
        np.testing.assert_array_equal(ArchiveReader().read(specifier), kaldiio.load_mat(specifier))
