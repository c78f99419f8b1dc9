"""Archives against kaldiio, for any shape and range; damage is found and named."""

import io
import multiprocessing
import os
import pickle
import threading

import kaldiio
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asda.features.archive import ArchiveReader
from asda.features.archive_writer import COMPRESSIONS, write_matrix
from asda.features.matrix import Values, read
from asda.files import InputError

FINE = ("none", "1", "2", "3", "5")  # those that hold any value


def log_mel(rows: int = 200, columns: int = 128, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    drift = rng.normal(0, 1, (rows, 1)).cumsum(0) / 5
    return (rng.normal(-7, 3, (rows, columns)) + drift).clip(-15.9424).astype(np.float32)


def archive(path, matrices: dict[str, np.ndarray], compression: str) -> dict[str, str]:
    with open(path, "wb") as stream:
        return {
            key: f"{path}:{write_matrix(stream, key, matrix, compression)}"
            for key, matrix in matrices.items()
        }


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_reads_as_kaldiio(tmp_path, compression):
    matrices = {f"utt{n}": log_mel(3 + 50 * n, 128, n).clip(0, 1) for n in range(4)}
    table = archive(tmp_path / "a.ark", matrices, compression)
    reader = ArchiveReader()
    for key, expected in kaldiio.load_ark(str(tmp_path / "a.ark")):
        found = reader.read(table[key])
        assert found.dtype == np.float32
        assert found.flags.c_contiguous
        assert found.flags.writeable
        # method 4 counts from -32768, where float32 steps by 0.004
        np.testing.assert_allclose(found, expected, atol=0.004 if compression == "4" else 1e-6)
        assert reader.belongs_to(table[key], key)
        assert not reader.belongs_to(table[key], f"{key}x")


@settings(max_examples=100, deadline=None)
@given(
    rows=st.integers(1, 40),
    columns=st.integers(1, 9),
    compression=st.sampled_from(("none", "3", "5")),
    scale=st.sampled_from([0.0, 1e-30, 1e-3, 1.0, 1e30]),
    offset=st.sampled_from([0.0, -15.9424, 3e5]),
    columns_first=st.booleans(),
)
def test_writes_as_kaldiio(rows, columns, compression, scale, offset, columns_first):
    matrix = log_mel(rows, columns) * np.float32(scale) + np.float32(offset)
    if columns_first:
        matrix = np.asfortranarray(matrix)
    found, expected = io.BytesIO(), io.BytesIO()
    assert write_matrix(found, "ütt 1", matrix, compression) == 7
    method = None if compression == "none" else int(compression)
    kaldiio.save_ark(expected, {"ütt 1": matrix}, compression_method=method)
    assert found.getvalue() == expected.getvalue()


@settings(max_examples=150, deadline=None)
@given(
    rows=st.integers(1, 40),
    columns=st.integers(1, 9),
    compression=st.sampled_from(FINE),
    first=st.integers(0, 45),
    length=st.integers(1, 45),
    start=st.integers(0, 45),
    stop=st.none() | st.integers(0, 45),
    scale=st.sampled_from([1e-3, 1.0, 1e4]),
)
def test_any_rows_of_any_shape(
    tmp_path_factory, rows, columns, compression, first, length, start, stop, scale
):
    path = tmp_path_factory.mktemp("archives") / "a.ark"
    matrix = log_mel(rows, columns) * np.float32(scale)
    specifier = archive(
        path, {"before": log_mel(2), "x": matrix, "after": log_mel(2)}, compression
    )["x"]
    reader = ArchiveReader()
    whole = reader.read(specifier)
    expected = kaldiio.load_mat(specifier)
    np.testing.assert_allclose(whole, expected, rtol=1e-5, atol=1e-6 * np.abs(expected).max())
    np.testing.assert_array_equal(reader.read(specifier, start, stop), whole[start:stop])
    ranged = reader.read(f"{specifier}[{first}:{first + length - 1}]", start, stop)
    np.testing.assert_array_equal(ranged, whole[first : first + length][start:stop])
    path.unlink()


@pytest.mark.parametrize("compression", FINE)
def test_values_are_scaled_and_shifted_on_the_way(tmp_path, compression):
    specifier = archive(tmp_path / "a.ark", {"x": log_mel(60)}, compression)["x"]
    for rows in ("", "[10:59]"):
        matrix = ArchiveReader().open_matrix(specifier + rows)
        plain, out = read(matrix), np.full((30, 128), np.nan, np.float32)
        matrix.read_into(out, 15, scale=0.11, offset=4.5)
        np.testing.assert_allclose(out, plain[15:45] * 0.11 + 4.5, rtol=0, atol=2e-6)
        np.testing.assert_array_equal(read(matrix, 15, 45, 0.11, 4.5), out)
        np.testing.assert_allclose(read(Values(plain), 15, 45, 0.11, 4.5), out, rtol=0, atol=2e-6)


def test_ranges_are_those_of_kaldi(tmp_path):
    specifier = archive(tmp_path / "a.ark", {"x": log_mel()}, "3")["x"]
    for rows in ("0:0", "5:90", "190:199"):
        expected = kaldiio.load_mat(f"{specifier}[{rows}]")
        np.testing.assert_allclose(
            ArchiveReader().read(f"{specifier}[{rows}]"), expected, rtol=0, atol=1e-5
        )


@pytest.mark.parametrize(
    ("compression", "rmse", "bytes_a_value"),
    [("none", 0, 4), ("3", 1.2e-4, 2), ("5", 0.03, 1), ("2", 0.03, 1)],
)
def test_error_and_size_of_compression(tmp_path, compression, rmse, bytes_a_value):
    matrix = log_mel(998)
    specifier = archive(tmp_path / "a.ark", {"x": matrix}, compression)["x"]
    error = np.sqrt(np.mean((ArchiveReader().read(specifier) - matrix) ** 2))
    assert rmse / 10 <= error <= rmse
    values = matrix.size * bytes_a_value
    assert values <= (tmp_path / "a.ark").stat().st_size <= values + 1100
    assert COMPRESSIONS[compression] == bytes_a_value


def test_other_forms_are_left_to_kaldiio(tmp_path):
    matrix = log_mel(7, 5)
    for name, options in {"double": {}, "text": {"text": True}}.items():
        path, scp = str(tmp_path / f"{name}.ark"), str(tmp_path / f"{name}.scp")
        kaldiio.save_ark(path, {"x": matrix.astype(np.float64)}, scp=scp, **options)
        specifier = (tmp_path / f"{name}.scp").read_text().split()[1]
        found = ArchiveReader().read(specifier, 2, 5)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, matrix[2:5], rtol=1e-6)
    kaldiio.save_mat(str(tmp_path / "single.mat"), matrix)
    np.testing.assert_array_equal(ArchiveReader().read(str(tmp_path / "single.mat")), matrix)


@pytest.mark.parametrize("compression", FINE)
def test_truncated_archives_are_named(tmp_path, compression):
    path = tmp_path / "a.ark"
    table = archive(path, {"first": log_mel(20), "second": log_mel(20)}, compression)
    size, offset = path.stat().st_size, int(table["second"].rpartition(":")[2])
    expected = rf"a\.ark:{offset} \(utterance '\.\.\..*second'\): damaged archive: "
    for cut in (size - 1, size - 2000, offset + 20, offset + 10, offset):
        os.truncate(path, cut)
        for start, stop in ((0, None), (3, 4)):
            with pytest.raises(InputError, match=expected):
                ArchiveReader().read(table["second"], start, stop)
        assert len(ArchiveReader().read(table["first"])) == 20


def test_damaged_shapes_and_wrong_offsets(tmp_path):
    path = tmp_path / "a.ark"
    specifier = archive(path, {"x": log_mel(20)}, "3")["x"]
    content = bytearray(path.read_bytes())
    for rows in (2**31 - 1, -5, 21):
        content[16:20] = rows.to_bytes(4, "little", signed=True)
        path.write_bytes(content)
        with pytest.raises(
            InputError, match=rf"'...x'\): damaged archive: a matrix of {rows} x 128"
        ):
            ArchiveReader().read(specifier)
    with pytest.raises(InputError, match=r"a\.ark:1: not a matrix of a Kaldi archive"):
        ArchiveReader().read(f"{path}:1")
    with pytest.raises(InputError, match=r"none\.ark: No such file"):
        ArchiveReader().read(f"{tmp_path}/none.ark:5")
    with pytest.raises(InputError, match=r"none\.ark: No such file"):
        ArchiveReader().read(f"{tmp_path}/none.ark")


@pytest.mark.parametrize("compression", ["none", "2", "3"])
def test_what_is_read_ahead_holds_the_matrices_and_little_else(tmp_path, monkeypatch, compression):
    matrices = {f"x{n}": log_mel(500, seed=n) for n in range(20)}
    table = archive(tmp_path / "a.ark", matrices, compression)
    other = archive(tmp_path / "b.ark", {"y": log_mel(500)}, compression)
    told = []
    monkeypatch.setattr(
        "os.posix_fadvise", lambda _, begin, length, __: told.append((begin, begin + length))
    )
    wanted = [table[f"x{n}"] for n in (2, 3, 4, 11)] + [other["y"]]
    ArchiveReader().read_ahead([*wanted, f"cat {tmp_path} |"], [500] * 6)
    value = COMPRESSIONS[compression]
    for specifier in wanted:
        begin = int(specifier.rpartition(":")[2])
        covered = sum(
            max(0, min(end, begin + 64000 * value) - max(start, begin)) for start, end in told
        )
        assert covered == 64000 * value
    assert sum(end - start for start, end in told) < 1.01 * 5 * 64000 * value
    assert max(end - start for start, end in told) <= 2**17


def test_open_files_are_bounded(tmp_path):
    tables = [archive(tmp_path / f"{n}.ark", {"x": log_mel(2, seed=n)}, "none") for n in range(9)]
    reader, before = ArchiveReader(max_files=3), len(os.listdir("/proc/self/fd"))
    for _ in range(2):
        for seed, table in enumerate(tables):
            np.testing.assert_array_equal(reader.read(table["x"]), log_mel(2, seed=seed))
            assert len(os.listdir("/proc/self/fd")) <= before + 3
    del reader
    assert len(os.listdir("/proc/self/fd")) == before


def _read_all(reader: ArchiveReader, table: dict[str, str], results) -> None:
    results.put([float(reader.read(specifier).sum()) for specifier in table.values()])


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes_share_a_reader(tmp_path, method):
    table = archive(tmp_path / "a.ark", {f"x{n}": log_mel(30, seed=n) for n in range(20)}, "3")
    reader = ArchiveReader()
    expected = [float(reader.read(specifier).sum()) for specifier in table.values()]
    context = multiprocessing.get_context(method)
    results = context.Queue()
    if method == "spawn":  # what a spawned worker gets
        assert pickle.loads(pickle.dumps(reader)).max_files == reader.max_files
        context = multiprocessing.get_context("fork")
        reader = pickle.loads(pickle.dumps(reader))
    workers = [context.Process(target=_read_all, args=(reader, table, results)) for _ in range(2)]
    for worker in workers:
        worker.start()
    assert [results.get(timeout=20) for _ in workers] == [expected, expected]
    for worker in workers:
        worker.join()


def test_threads_share_a_reader_that_closes_files(tmp_path):
    tables = [archive(tmp_path / f"{n}.ark", {"x": log_mel(9, seed=n)}, "3") for n in range(6)]
    reader, wrong = ArchiveReader(max_files=1), []

    def read(offset: int) -> None:
        for n in range(60):
            seed = (n + offset) % 6
            found = reader.read(tables[seed]["x"])
            if np.abs(found - log_mel(9, seed=seed)).max() > 1e-3:
                wrong.append(seed)

    threads = [threading.Thread(target=read, args=(offset,)) for offset in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
@pytest.mark.parametrize("compression", ["none", "2", "3", "5"])
def test_values_that_are_not_finite_are_refused(tmp_path, compression, value):
    path = tmp_path / "a.ark"
    specifier = archive(path, {"first": log_mel(20), "second": log_mel(20)}, compression)["second"]
    content = bytearray(path.read_bytes())
    header = int(specifier.rpartition(":")[2]) + (15 if compression == "none" else 6)
    if compression == "2":  # "\0BCM " is shorter
        header -= 1
    content[header : header + 4] = np.float32(value).tobytes()
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"second'\): values that are not finite \(NaN or inf"):
        ArchiveReader().read(specifier)


def test_values_that_are_not_finite_are_refused_in_rare_formats(tmp_path):
    matrix = log_mel(4).astype(np.float64)
    matrix[2, 5] = np.nan
    kaldiio.save_ark(str(tmp_path / "a.ark"), {"x": matrix}, scp=str(tmp_path / "a.scp"))
    with pytest.raises(InputError, match=r"a\.ark:2: values that are not finite"):
        ArchiveReader().read((tmp_path / "a.scp").read_text().split()[1])
