"""Digests are those that dumps, experiments and results have recorded so far."""

import hashlib
import os

from asda.digests import CHUNK_BYTES, file_digest, table_digest, value_digest


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
