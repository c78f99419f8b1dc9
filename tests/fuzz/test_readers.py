"""Any bytes give a reader a value or one line; see README.md."""

import pytest
from fuzz import readers
from hypothesis import given, settings
from hypothesis import strategies as st

CORPUS = {
    name: [path.read_bytes() for path in sorted((readers.CORPUS / name).iterdir())]
    for name in readers.READERS
}


@pytest.fixture(autouse=True)
def harmless(tmp_path, monkeypatch):
    monkeypatch.setenv("ASDA_NO_PIPES", "1")
    monkeypatch.setenv("PATH", "")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", readers.READERS)
def test_the_corpus_breaks_no_reader(name, tmp_path):
    for data in CORPUS[name]:
        readers.check(name, data, tmp_path / "f")


# How bytes of a seed are changed: where, how many are removed, what takes their place.
CHANGES = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 8), st.binary(max_size=8)), min_size=1, max_size=4
)


@pytest.mark.parametrize("name", sorted(set(readers.READERS) - {"audio", "checkpoint", "export"}))
def test_changed_bytes_break_no_reader(name, tmp_path):
    @settings(max_examples=25, deadline=None, database=None)
    @given(st.sampled_from(CORPUS[name]), CHANGES)
    def run(seed, changes):
        data = bytearray(seed)
        for place, count, new in changes:
            start = round(place * len(data))
            data[start : start + count] = new
        readers.check(name, bytes(data), tmp_path / "f")

    run()


def test_a_reader_that_breaks_the_rule_is_noticed(tmp_path, monkeypatch):
    for error in (readers.InputError("two\nlines"), readers.InputError("no file"), KeyError("x")):

        def faulty(data, folder, error=error):
            raise error

        monkeypatch.setitem(readers.READERS, "yaml", faulty)
        with pytest.raises((AssertionError, KeyError)):
            readers.check("yaml", b"", tmp_path / "f")
