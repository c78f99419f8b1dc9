"""A data directory written from tables in memory."""

import pytest

from asda.corpus.datadir import DataDir
from asda.corpus.edit.validate import Checks, validate
from asda.corpus.write import write_data_dir
from asda.files import InputError

TABLES = {
    "wav.scp": {"b_1": "b.wav", "a_1": "a.wav"},
    "utt2label": {"b_1": "dog rain", "a_1": "dog"},
}
LABELS = ["rain", "dog"]


def problems(folder):
    report = validate(folder, Checks(feats=False, wav=False))
    return [line for line in report.lines() if not line.startswith("warning")]


def test_it_is_valid(tmp_path):
    write_data_dir(tmp_path / "set", TABLES, LABELS, {"b_1": "b", "a_1": "a"})
    assert problems(tmp_path / "set") == []
    directory = DataDir(tmp_path / "set")
    assert directory.labels == LABELS
    assert directory.table("spk2utt") == {"a": "a_1", "b": "b_1"}
    write_data_dir(tmp_path / "set", TABLES, LABELS)
    assert directory.table("utt2spk") == {"a_1": "a_1", "b_1": "b_1"}


def test_tables_of_an_earlier_one_go(tmp_path):
    write_data_dir(tmp_path, {**TABLES, "utt2dur": {"a_1": "1", "b_1": "2"}}, LABELS)
    write_data_dir(tmp_path, TABLES, LABELS)
    assert not (tmp_path / "utt2dur").exists()
    assert problems(tmp_path) == []


def test_transcripts_without_labels(tmp_path):
    write_data_dir(tmp_path, TABLES, LABELS)
    write_data_dir(tmp_path, {"wav.scp": TABLES["wav.scp"], "text": {"b_1": "yes", "a_1": "no"}})
    assert problems(tmp_path) == []
    directory = DataDir(tmp_path)
    assert directory.utterances == ["a_1", "b_1"]
    assert not directory.has("labels.txt") and not directory.has("utt2label")


@pytest.mark.parametrize(("key", "rest"), [("a 1", "a.wav"), ("a_1", "a\nb.wav"), ("", "a.wav")])
def test_names_that_a_table_cannot_hold(tmp_path, key, rest):
    tables = {"wav.scp": {key: rest}, "utt2label": {key: "dog"}}
    with pytest.raises(InputError, match=r"set/wav\.scp: cannot write .*; rename the file"):
        write_data_dir(tmp_path / "set", tables, LABELS)
    assert not (tmp_path / "set").exists()


def test_none_without_clips(tmp_path):
    with pytest.raises(InputError, match="no clips for this set"):
        write_data_dir(tmp_path / "set", {"wav.scp": {}, "utt2label": {}}, LABELS)
    assert not (tmp_path / "set").exists()
