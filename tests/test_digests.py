"""Digests are those that dumps, experiments and results have recorded so far."""

import hashlib
import os
from pathlib import Path

from asda.digests import (
    BLOCK_BYTES,
    CHUNK_BYTES,
    _sample,
    file_digest,
    sampled_digest,
    table_digest,
    value_digest,
)


def test_values_keep_their_digests():
    assert value_digest(["a", "b"]) == "3554d2b8a1e34099"
    assert value_digest([["/a.wav", None, 44, 1], 0.0, None]) == "f42da93c28928c18"
    assert value_digest({"b": 1, "ü": 2}) == value_digest({"ü": 2, "b": 1})


def test_names_that_are_not_utf8_have_digests():
    names = [os.fsdecode(name) for name in (b"/\xff.wav", b"/\xfe.wav")]
    assert value_digest(names[0]) != value_digest(names[1])


def test_tables_keep_their_digests():
    table = {"u1": "dog", "other": "cat"}
    assert table_digest(["u1", "u2"], table) == hashlib.sha256(b"u1 dog\nu2 \n").hexdigest()[:16]
    assert table_digest(["u2", "u1"], table) != table_digest(["u1", "u2"], table)


def test_a_large_file_has_the_digest_of_its_bytes(tmp_path):
    content = bytes(range(256)) * (CHUNK_BYTES // 256) + b"rest"
    (tmp_path / "model.pt").write_bytes(content)
    assert file_digest(tmp_path / "model.pt") == hashlib.sha256(content).hexdigest()[:16]


def write_files(folder, *contents):
    paths = [folder / f"{number}" for number in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    return [str(path) for path in paths]


def test_a_sample_of_small_files_is_all_that_they_hold(tmp_path):
    contents = [bytes([number]) * (BLOCK_BYTES * number + 7) for number in range(4)]
    paths = write_files(tmp_path, *contents)
    digest = sampled_digest(paths)
    for number, content in enumerate(contents):
        for place in range(0, len(content), 501):
            changed = bytearray(content)
            changed[place] ^= 1
            Path(paths[number]).write_bytes(changed)
            assert sampled_digest(paths) != digest
        Path(paths[number]).write_bytes(content)
    assert sampled_digest(paths) == digest
    assert sampled_digest(paths[::-1]) != digest


def test_a_sample_depends_on_neither_name_nor_time_and_a_missing_file_counts(tmp_path):
    (tmp_path / "moved").mkdir()
    paths = write_files(tmp_path, b"one", b"two")
    moved = write_files(tmp_path / "moved", b"one", b"two")
    os.utime(moved[0], (0, 0))
    assert sampled_digest(paths) == sampled_digest(moved)
    Path(moved[1]).unlink()
    assert sampled_digest(paths) != sampled_digest(moved)
    assert sampled_digest([]) == sampled_digest([])


def test_a_sample_of_large_and_many_files_is_small(tmp_path, monkeypatch):
    """Files that were written anew are noticed all the same."""
    monkeypatch.setattr("asda.digests.SAMPLED_BLOCKS", 8)
    monkeypatch.setattr("asda.digests.SAMPLED_FILES", 3)
    paths = write_files(tmp_path, *(bytes([number]) * 100_000 for number in range(5)))
    read = []
    monkeypatch.setattr(
        "asda.digests._sample", lambda *args: read.append(args[0]) or _sample(*args)
    )
    digest = sampled_digest(paths)
    assert sorted(read) == paths[::2]  # every second one
    write_files(tmp_path, *(bytes([number + 9]) * 100_000 for number in range(5)))
    assert sampled_digest(paths) != digest
