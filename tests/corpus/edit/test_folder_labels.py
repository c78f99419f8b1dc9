"""utils/make_labels.sh: which files are listed with which class, and what is said of the others."""

import csv
import io
import os
import sys

import numpy as np
import pytest
import soundfile

from asda.cli import main
from asda.corpus.edit.folder_labels import list_folder


def sound(path, rate=16000, seconds=0.5):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.random.default_rng(0).uniform(-0.3, 0.3, int(rate * seconds)), rate)


def listed(folder, capsys):
    """Return file -> label, and the lines of the terminal."""
    main(["data", "labels", str(folder)])
    said = capsys.readouterr()
    rows = list(csv.reader(io.StringIO(said.out)))
    assert rows[0] == ["file", "label"]
    return dict(rows[1:]), said.err.splitlines()


def test_the_top_folder_is_the_class_whatever_the_suffix(tmp_path, capsys):
    sound(tmp_path / "dog/set 1/a, b.WAV", rate=8000, seconds=36)
    sound(tmp_path / "dog/c.flac", seconds=18)
    sound(tmp_path / 'cat/"d".ogg')
    for name in ("e.gsm", "f.m4a", "g.opus", "h.AIFF", "i.w64", "j.webm", "k.amr"):
        (tmp_path / "cat" / name).write_bytes(b"")
    (tmp_path / "cat/notes.txt").write_text("no audio")
    labels, said = listed(tmp_path, capsys)
    assert labels == {
        **{f"cat/{name}": "cat" for name in ('"d".ogg', "e.gsm", "f.m4a", "g.opus", "h.AIFF")},
        **{f"cat/{name}": "cat" for name in ("i.w64", "j.webm", "k.amr")},
        "dog/c.flac": "dog",
        "dog/set 1/a, b.WAV": "dog",
    }
    assert said == [
        "class  clips  hours  sample rates",
        "cat        8   0.00  16 kHz, 7 unreadable",
        "dog        2   0.01  8, 16 kHz",  # 54 s are 0.015 hours
        "total     10   0.02  16, 8 kHz, 7 unreadable",
        "ignored, not audio by their suffix: .txt 1",
    ]


def test_what_is_no_clip_is_left_out_and_named(tmp_path, capsys):
    for name in ("a.wav", "dog/b.wav", "dog/line\nbreak.wav", ".cache/c.wav", "dog/.old/d.wav"):
        sound(tmp_path / name)
    for name in ("dog/._b.wav", "dog/.DS_Store", "dog/Thumbs.db", "__MACOSX/dog/._b.wav"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"\0\5\x16\7")
    labels, said = listed(tmp_path, capsys)
    assert labels == {"dog/b.wav": "dog"}
    assert said[-2:] == [
        "left out: 1 audio files (a.wav): they are in no class folder; move them into one",
        "left out: 1 audio files (dog/line\\nbreak.wav): their names contain line breaks; rename "
        "them",
    ]


def test_the_list_needs_no_installation(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "asda.corpus.edit.audio_headers", None)
    sound(tmp_path / "dog/a.wav")
    labels, said = listed(tmp_path, capsys)
    assert labels == {"dog/a.wav": "dog"}
    assert said == [
        "class  clips",
        "dog        1",
        "total      1",
        "hours and sample rates are shown once asda is installed (make -C tools)",
    ]


def test_symbolic_links_are_followed_once(tmp_path):
    sound(tmp_path / "elsewhere/far/a.wav")
    folder = tmp_path / "corpus"
    (folder / "dog").mkdir(parents=True)
    (folder / "dog/b.wav").symlink_to(tmp_path / "elsewhere/far/a.wav")
    (folder / "far").symlink_to(tmp_path / "elsewhere/far")
    (folder / "dog/loop").symlink_to(folder)
    assert list_folder(folder).labels == {"dog/b.wav": "dog", "far/a.wav": "far"}


def test_folders_named_like_sets_are_warned_of(tmp_path, capsys):
    for name in ("Train/dog/a.wav", "test/dog/b.wav"):
        sound(tmp_path / name)
    _, said = listed(tmp_path, capsys)
    assert said[-1].startswith("warning: the folders Train, test are named like sets, not classes")


def test_a_semicolon_in_a_folder_is_not_two_labels(tmp_path):
    sound(tmp_path / "dog;cat/a.wav")
    assert list_folder(tmp_path).labels == {"dog;cat/a.wav": "dog_cat"}


@pytest.mark.parametrize(
    ("name", "message"), [("none", "no such folder"), ("", "no audio in its sub-folders")]
)
def test_a_folder_without_classes_is_refused(tmp_path, capsys, name, message):
    sound(tmp_path / "a.wav")
    with pytest.raises(SystemExit):
        main(["data", "labels", os.path.join(tmp_path, name)])
    assert message in capsys.readouterr().err
