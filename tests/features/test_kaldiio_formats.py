"""kaldiio is optional: the usual formats work without it, and the others say what to install."""

import sys

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
