"""Embeddings in three kinds of files, and read back for a second call."""

import h5py
import kaldiio
import numpy as np
import pytest

from asda.apply.embedding_files import Rows, check_keys, format_of, write_embeddings
from asda.apply.stored_embeddings import stored_embeddings
from asda.files import InputError

SUFFIXES = (".npz", ".h5", ".ark")


def some(counts=(1, 1, 1), width=5):
    draw = np.random.default_rng(0)
    values = [draw.standard_normal((count, width)).astype(np.float32) for count in counts]
    rows = [
        Rows(f"clip/{i}.wav", len(v), [[0.0, 1.5]] * len(v), lambda v=v: v)
        for i, v in enumerate(values)
    ]
    return rows, values


def arrays(path):
    if path.suffix == ".npz":
        return dict(np.load(path))
    with h5py.File(path) as file:
        return {key: value[()] for key, value in file.items()}


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
def test_one_row_a_clip_is_a_matrix_with_names(tmp_path, suffix):
    rows, values = some()
    path = tmp_path / f"out{suffix}"
    write_embeddings(path, rows, 5, vectors=True)
    found = arrays(path)
    assert found["embeddings"].dtype == np.float32
    assert np.array_equal(found["embeddings"], np.concatenate(values))
    names = [name.decode() if isinstance(name, bytes) else str(name) for name in found["names"]]
    assert names == ["clip/0.wav", "clip/1.wav", "clip/2.wav"]
    assert found["times"].tolist() == [[0.0, 1.5]] * 3


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
def test_offsets_say_which_rows_belong_to_an_input(tmp_path, suffix):
    rows, values = some((3, 0, 2))
    path = tmp_path / f"out{suffix}"
    rows[1] = Rows(rows[1].name, 0, np.zeros((0, 2)), rows[1].read)
    write_embeddings(path, rows, 5, vectors=False)
    found = arrays(path)
    assert found["offsets"].tolist() == [0, 3, 3, 5]
    assert np.array_equal(found["embeddings"][3:5], values[2])


def test_an_archive_is_read_by_kaldiio_as_vectors_or_matrices(tmp_path):
    for vectors, counts in ((True, (1, 1)), (False, (3, 2))):
        rows, values = some(counts)
        write_embeddings(tmp_path / "out.ark", rows, 5, vectors)
        found = kaldiio.load_scp(str(tmp_path / "out.scp"))
        for one, expected in zip(rows, values, strict=True):
            assert np.array_equal(found[one.name], expected[0] if vectors else expected)
        assert list(kaldiio.load_ark(str(tmp_path / "out.ark")))[1][0] == "clip/1.wav"


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("vectors", [True, False])
def test_what_was_written_is_read_back_for_a_second_call(tmp_path, suffix, vectors):
    rows, values = some((1, 1) if vectors else (3, 2))
    path = tmp_path / f"out{suffix}"
    write_embeddings(path, rows, 5, vectors)
    with stored_embeddings(path, vectors) as stored:
        assert set(stored) == {"clip/0.wav", "clip/1.wav"}
        assert np.array_equal(stored["clip/1.wav"](), values[1])


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_no_file_or_a_foreign_one_holds_nothing(tmp_path, suffix):
    path = tmp_path / f"out{suffix}"
    with stored_embeddings(path, True) as stored:
        assert not stored
    path.write_bytes(b"something else")
    path.with_suffix(".scp").write_text("x y z\n")
    with stored_embeddings(path, False) as stored:
        assert not set(stored) - {"x"}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_failure_while_writing_leaves_the_old_file(tmp_path, suffix):
    rows, values = some()
    path = tmp_path / f"out{suffix}"
    write_embeddings(path, rows, 5, vectors=True)
    before = path.read_bytes()

    def fail():
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError):
        write_embeddings(path, [rows[0], Rows("b", 1, [[0, 1]], fail)], 5, vectors=True)
    assert path.read_bytes() == before
    with stored_embeddings(path, True) as stored:
        assert np.array_equal(stored["clip/0.wav"](), values[0])
    assert {one.name for one in tmp_path.iterdir()} <= {path.name, "out.scp"}


def test_an_unknown_suffix_is_refused_with_the_known_ones():
    with pytest.raises(InputError, match=r"x\.csv: unknown format; name it \*\.npz, \*\.h5"):
        format_of("x.csv")


def test_a_name_with_a_space_is_no_key_of_an_archive():
    with pytest.raises(InputError, match=r"'my clip\.wav' cannot be a key of an archive"):
        check_keys("out.ark", ["a.wav", "my clip.wav"])
