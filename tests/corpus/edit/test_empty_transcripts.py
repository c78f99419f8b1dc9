"""An utterance in which nothing is said has a line with only its name in `text`, as in Kaldi."""

import pytest
from corpus.directories import make, write

from asda.cli import main
from asda.corpus.datadir import DataDir, may_be_empty
from asda.corpus.edit.combine import combine, copy
from asda.corpus.edit.fix import fix
from asda.corpus.edit.subset import split, write_parts
from asda.corpus.edit.validate import Checks, validate

TEXT = "a-00 hello\na-01\nb-00\nb-01 bye bye\n"


@pytest.fixture
def directory(tmp_path) -> DataDir:
    return DataDir(write(make(tmp_path / "d", {"a": 2, "b": 2}), text=TEXT))


def text_of(folder) -> str:
    assert validate(folder, Checks(feats=False, spk_sort=False)).count == 0
    return (folder / "text").read_text()


def test_it_is_valid_and_stays_when_repaired(directory):
    assert text_of(directory.path) == TEXT
    assert fix(directory.path).dropped == []
    assert text_of(directory.path) == TEXT


def test_it_is_in_subsets_and_splits(directory, tmp_path):
    write_parts(directory, {tmp_path / "part": ["a-01", "b-01"]})
    assert text_of(tmp_path / "part") == "a-01\nb-01 bye bye\n"
    folder, _ = split(directory, 2, per_utterance=False)
    assert text_of(folder / "2") == "b-00\nb-01 bye bye\n"


def test_it_is_copied_and_combined(directory, tmp_path):
    copy(directory, tmp_path / "copy", utt_prefix="x-", spk_prefix="x-")
    assert text_of(tmp_path / "copy") == "x-a-00 hello\nx-a-01\nx-b-00\nx-b-01 bye bye\n"
    assert combine(tmp_path / "all", [directory, DataDir(tmp_path / "copy")]) == []
    assert text_of(tmp_path / "all") == TEXT + (tmp_path / "copy" / "text").read_text()


def test_other_forms_of_a_transcript_may_be_empty_too(directory, capsys):
    write(directory.path, **{"text.en": "a-00 yes\na-01\nb-00\nb-01\n"})
    main(["data", "fix", "--utt-extra-files", "text.en", str(directory.path)])
    assert "kept 4 of 4 utterances" in capsys.readouterr().out
    assert may_be_empty("text_spk1") and not may_be_empty("texture") and not may_be_empty("utt2dur")
