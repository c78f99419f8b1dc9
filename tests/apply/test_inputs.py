"""What the words of a command line name."""

import io
import sys
from pathlib import Path

import pytest

from asda.apply.inputs import find_inputs
from asda.audio.audio_error import AudioError
from asda.audio.wav_scp import AudioSegment
from asda.files import InputError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("sounds/b.wav", "sounds/deep/a.FLAC", "sounds/notes.txt", "sounds/._b.wav"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    return tmp_path


def test_the_audio_files_below_a_folder_are_found_and_nothing_else(folder):
    found = find_inputs(["sounds"], folder)
    assert [one.file for one in found] == ["sounds/b.wav", "sounds/deep/a.FLAC"]
    assert [one.output_name for one in found] == ["b", "deep/a"]


def test_a_file_given_twice_is_one_input(folder):
    found = find_inputs(["sounds/b.wav", "sounds"], folder)
    assert [one.name for one in found] == ["sounds/b.wav", "sounds/deep/a.FLAC"]


def test_a_file_that_does_not_exist_is_left_to_its_reader(folder):
    assert [one.file for one in find_inputs(["missing.wav"], folder)] == ["missing.wav"]


def test_a_data_directory_gives_utterances_and_their_segments(folder):
    data = folder / "data"
    data.mkdir()
    (data / "wav.scp").write_text("rec sounds/b.wav\n")
    (data / "segments").write_text("utt2 rec 1.5 2.5\nutt1 rec 0 -1\n")
    first, second = find_inputs([str(data)], folder)
    assert (first.name, first.file) == ("utt1", "sounds/b.wav")
    assert second.audio == AudioSegment("sounds/b.wav", 1.5, 2.5)


def test_one_utterance_in_two_data_directories_is_refused(folder):
    for name in ("one", "two"):
        (folder / name).mkdir()
        (folder / name / "wav.scp").write_text(f"utt {name}.wav\n")
    with pytest.raises(InputError, match="utterance 'utt' is also in another"):
        find_inputs(["one", "two"], folder)


def test_features_alone_are_refused(folder):
    (folder / "data").mkdir()
    (folder / "data/feats.scp").write_text("utt some.ark:5\n")
    with pytest.raises(InputError, match=r"data: has features but no wav\.scp"):
        find_inputs(["data"], folder)


def test_a_folder_without_audio_is_refused(folder):
    (folder / "empty").mkdir()
    with pytest.raises(InputError, match="empty: no audio files in this folder"):
        find_inputs(["empty"], folder)


def test_a_word_is_never_run_as_a_command(folder):
    with pytest.raises(InputError, match=r"'touch it \|' is a shell command"):
        find_inputs(["touch it |"], folder)


class Standard(io.StringIO):
    def __init__(self, content=b"", terminal=False):
        super().__init__()
        self.buffer = io.BytesIO(content)
        self.isatty = lambda: terminal


def test_standard_input_is_copied_and_called_by_its_name(folder, monkeypatch):
    monkeypatch.setattr(sys, "stdin", Standard(b"audio"))
    (one,) = find_inputs(["-"], folder)
    assert Path(one.audio.source).read_bytes() == b"audio"
    assert one.fault(AudioError(f"empty file: {one.audio.source}")) == "standard input: empty file"


def test_a_fault_names_the_file_once(folder):
    (one,) = find_inputs(["sounds/b.wav"], folder)
    assert one.fault(AudioError("empty file: sounds/b.wav")) == "sounds/b.wav: empty file"


def test_a_terminal_as_standard_input_is_refused(folder, monkeypatch):
    monkeypatch.setattr(sys, "stdin", Standard(terminal=True))
    with pytest.raises(InputError, match="standard input is a terminal"):
        find_inputs(["-"], folder)
