"""The record of finished inputs survives whatever ends a call."""

import json
import os
import resource

import pytest

from asda.apply.record import recorded
from asda.files import InputError

SETTINGS = {"model": "0123", "top": 5}
PRINTS = {name: f"print of {name}" for name in ("a", "b", "c", "ü b")}


def fill(path, names, settings=SETTINGS):
    with recorded(path, settings, PRINTS) as record:
        for name in names:
            record.add(name, [name, 1.5])


def test_a_second_call_knows_what_is_done_and_what_was_found(tmp_path):
    fill(tmp_path / "record", ["a", "ü b"])
    with recorded(tmp_path / "record", SETTINGS, PRINTS) as record:
        assert record.is_done("a")
        assert record.content("ü b") == ["ü b", 1.5]
        assert not record.is_done("c")


def test_an_input_whose_audio_has_changed_is_not_done(tmp_path):
    fill(tmp_path / "record", ["a"])
    with recorded(tmp_path / "record", SETTINGS, PRINTS | {"a": "another print"}) as record:
        assert not record.is_done("a")


def test_the_last_of_two_results_counts(tmp_path):
    fill(tmp_path / "record", ["a"])
    with recorded(tmp_path / "record", SETTINGS, PRINTS | {"a": "new"}) as record:
        record.add("a", "new content")
    with recorded(tmp_path / "record", SETTINGS, PRINTS | {"a": "new"}) as record:
        assert record.is_done("a")
        assert record.content("a") == "new content"


def test_other_settings_begin_anew_and_it_is_said(tmp_path, capsys):
    fill(tmp_path / "record", ["a"])
    with recorded(tmp_path / "record", SETTINGS | {"top": 3}, PRINTS) as record:
        assert not record.is_done("a")
    assert "made with other settings or models" in capsys.readouterr().err


@pytest.mark.parametrize("cut", [1, 5, 60])
def test_a_line_that_was_cut_is_dropped_and_the_others_are_kept(tmp_path, cut):
    path = tmp_path / "record"
    fill(path, ["a", "b"])
    os.truncate(path, path.stat().st_size - cut)
    fill(path, ["c"])
    with recorded(path, SETTINGS, PRINTS) as record:
        done = [name for name in "abc" if record.is_done(name)]
    assert done == ["a", "c"]
    assert all(json.loads(line) for line in path.read_text().splitlines())


def test_a_cut_first_line_is_no_obstacle(tmp_path):
    (tmp_path / "record").write_text('{"sett')
    fill(tmp_path / "record", ["a"])
    with recorded(tmp_path / "record", SETTINGS, PRINTS) as record:
        assert record.is_done("a")


def test_a_file_of_the_user_is_not_overwritten(tmp_path):
    (tmp_path / "record").write_text("my notes\n")
    with pytest.raises(InputError, match="not a record of asda; choose another --out"):
        fill(tmp_path / "record", ["a"])
    assert (tmp_path / "record").read_text() == "my notes\n"


def test_two_calls_do_not_write_one_record(tmp_path):
    with (
        recorded(tmp_path / "record", SETTINGS, PRINTS),
        pytest.raises(InputError, match="in use by another call"),
    ):
        fill(tmp_path / "record", ["a"])
    fill(tmp_path / "record", ["a"])


def test_a_full_disk_names_the_record_and_what_was_written_counts(tmp_path):
    path = tmp_path / "record"
    fill(path, ["a"])
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 10, limits[1]))
    try:
        with pytest.raises(OSError) as failed:
            fill(path, ["b"])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert failed.value.filename == str(path)
    with recorded(path, SETTINGS, PRINTS) as record:
        assert record.is_done("a")
        assert not record.is_done("b")


@pytest.mark.parametrize("damaged", [bytes(40), b"\xff\xfe", b"7", b'{"name": "b"}'])
def test_what_follows_a_damaged_line_is_computed_again(tmp_path, damaged):
    path = tmp_path / "record"
    fill(path, ["a", "b", "c"])
    header, first, _, third = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([header, first, damaged, third, b""]))
    with recorded(path, SETTINGS, PRINTS) as record:
        assert [name for name in "abc" if record.is_done(name)] == ["a"]
        record.add("b", "new")
    with recorded(path, SETTINGS, PRINTS) as record:
        assert [name for name in "abc" if record.is_done(name)] == ["a", "b"]
        assert record.content("b") == "new"
