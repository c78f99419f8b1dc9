"""Kaldi's small tools for lists: what their usage messages promise."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

NINE = "".join(f"u{number}\n" for number in range(1, 10))


@pytest.fixture
def call(repository, tmp_path):
    """Return a function that runs a shell command with utils/ on PATH, in a folder of its own."""
    path = os.pathsep.join([str(repository / "utils"), str(Path(sys.executable).parent)])
    environment = os.environ | {"PATH": f"{path}{os.pathsep}{os.environ['PATH']}", "LC_ALL": "C"}

    def run(command: str) -> subprocess.CompletedProcess[str]:
        words = ["bash", "-c", command]
        return subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, env=environment)

    return run


@pytest.mark.parametrize(
    ("options", "output"),
    [
        ("", "a1 a2 b\n"),
        ("-f 1", "a1 a2 B\n"),
        ("-f 2-", "A b\n"),
        ("-f 1-1", "a1 a2 B\n"),
        ("-f 2:9", "A b\n"),
        ("-f -1", "a1 a2 B\n"),
    ],
)
def test_apply_map_replaces_words_in_a_range_of_fields(call, tmp_path, options, output):
    (tmp_path / "map").write_text("A a1 a2\nB  b\n")
    done = call(f"echo A B | apply_map.pl {options} map")
    assert (done.returncode, done.stdout, done.stderr) == (0, output, "")


def test_apply_map_fails_at_unknown_words_unless_it_is_permissive(call, tmp_path):
    (tmp_path / "map").write_text("A a\nquiet\n")
    done = call("printf 'A\\nA C\\n' | apply_map.pl map")
    assert (done.returncode, done.stdout) == (1, "a\n")
    assert done.stderr == "apply_map.pl: line 2: 'C' is not in map\n"
    done = call("echo C A quiet | apply_map.pl --permissive map")
    assert (done.returncode, done.stdout) == (0, "C a \n")
    assert "'C' is not in map; left as it is" in done.stderr


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("apply_map.pl -f 0 map", "expected fields such as 2, 2-4, 2- or -2, not '0'"),
        ("apply_map.pl -f x map", "expected fields such as"),
        ("apply_map.pl none", "No such file or directory: 'none'"),
        ("apply_map.pl gap", "gap:2: empty line; expected 'word replacement'"),
        ("subset_scp.pl 3 map", "map: 1 lines, fewer than 3"),
        ("subset_scp.pl 0 map", "N must be 1 or more"),
        ("subset_scp.pl --first --last 1 map", "not allowed with argument"),
        ("shuffle_list.pl --srand x map", "invalid int value: 'x'"),
        ("shuffle_list.pl none", "shuffle_list.pl: [Errno 2] No such file"),
        ("validate_text.pl", "Usage: validate_text.pl data/train/text"),
        ("validate_text.pl empty", "empty: empty file"),
        ("make_absolute.sh none/of/these", "no folder 'none/of'"),
        ("make_absolute.sh", "usage: "),
    ],
)
def test_what_is_wrong_is_said(call, tmp_path, command, message):
    for name, text in {"map": "A a\n", "gap": "A a\n\n", "empty": ""}.items():
        (tmp_path / name).write_text(text)
    done = call(f"echo A | {command}")
    assert (done.returncode > 0, done.stdout) == (True, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("command", "numbers"),
    [
        ("subset_scp.pl 3 list", "147"),
        ("subset_scp.pl --first 2 list", "12"),
        ("subset_scp.pl --last 2 list", "89"),
        ("subset_scp.pl --quiet --last 99 list", "123456789"),
        ("cat list | subset_scp.pl 9 -", "123456789"),
    ],
)
def test_subset_scp_takes_lines_evenly_or_from_an_end(call, tmp_path, command, numbers):
    (tmp_path / "list").write_text(NINE)
    assert call(command).stdout == "".join(f"u{number}\n" for number in numbers)


def test_shuffle_list_keeps_all_lines_and_repeats_its_order(call, tmp_path):
    (tmp_path / "list").write_text(NINE)
    first = call("shuffle_list.pl list").stdout
    assert sorted(first.splitlines()) == NINE.split() and first != NINE
    assert call("shuffle_list.pl < list").stdout == first
    assert call("shuffle_list.pl --srand 0 list").stdout == first
    assert call("shuffle_list.pl --srand 7 list").stdout != first


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"a hello there\nb\nc\ttab\n", ""),
        ("a \u0433\u043e\u0432\u043e\u0440\u200b\n".encode(), ""),
        ("a hello\nb no\u00a0break\n".encode(), "text:2: column 5: unexpected character U+00A0"),
        ("a wide\u3000space\n".encode(), "text:1: column 7: unexpected character U+3000"),
        (b"a hello\r\n", "text:1: Windows line ending"),
        (b"a hello\nb there", "text:2: no newline"),
    ],
)
def test_validate_text_refuses_white_space_other_than_blanks_and_tabs(
    call, tmp_path, text, message
):
    (tmp_path / "text").write_bytes(text)
    done = call("validate_text.pl text")
    assert (done.returncode, done.stdout) == (int(bool(message)), "")
    assert message in done.stderr


def test_validate_text_lets_other_encodings_pass_with_a_warning(call, tmp_path):
    (tmp_path / "text").write_bytes("a caf\u00e9\n".encode("latin-1"))
    done = call("validate_text.pl text")
    assert done.returncode == 0
    assert done.stderr == "validate_text.pl: warning: text: not UTF-8, so not checked\n"


def test_create_split_dir_links_numbers_to_folders_on_disks(call, tmp_path):
    words = "create_split_dir.pl --suffix of/me disk1 disk2 egs/storage"
    for said in ("", "egs/storage/1 exists and is kept"):
        done = call(words)
        assert done.returncode == 0 and said in done.stderr
    for number in (1, 2):
        link = tmp_path / "egs/storage" / str(number)
        assert os.readlink(link) == str(tmp_path / f"disk{number}/of/me")
        assert f"{tmp_path}/disk2/of/me\n" in (link / "README.txt").read_text()


def test_create_split_dir_says_what_stands_in_place_of_a_link(call, tmp_path):
    (tmp_path / "egs/storage/1").mkdir(parents=True)
    done = call("create_split_dir.pl disk1 egs/storage")
    message = "create_split_dir.pl: egs/storage/1 exists and is no link; remove it\n"
    assert (done.returncode, done.stderr) == (1, message)
    assert not (tmp_path / "disk1").exists()


def test_create_data_link_spreads_files_over_the_disks(call, tmp_path):
    names = [f"egs/egs.{number}.ark" for number in range(20)]
    (tmp_path / "egs").mkdir()
    assert call(f"create_data_link.pl {names[0]}").returncode == 0  # no storage: nothing is done
    assert not (tmp_path / names[0]).is_symlink()
    call("create_split_dir.pl disk1 disk2 egs/storage")
    for _ in range(2):  # again, what is there stays
        done = call(f"create_data_link.pl {' '.join(names)}")
        assert (done.returncode, done.stderr) == (0, "")
    for name in names:
        (tmp_path / name).write_text(name)
    found = {
        folder: len([*(tmp_path / folder).glob("*_egs.*.ark")]) for folder in ("disk1", "disk2")
    }
    assert sum(found.values()) == 20 and min(found.values()) >= 5
    (tmp_path / "egs/whole.ark").write_text("content")
    done = call("create_data_link.pl egs/whole.ark")
    assert (done.returncode, (tmp_path / "egs/whole.ark").read_text()) == (1, "content")
    assert "egs/whole.ark exists" in done.stderr


def test_make_absolute_follows_links(call, tmp_path):
    (tmp_path / "real/inner").mkdir(parents=True)
    (tmp_path / "real/file").touch()
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "real/other").symlink_to("file")
    for name, found in {
        "link/inner": "real/inner",
        "link/other": "real/file",
        "link/inner/..": "real",
        "link/new": "real/new",
        ".": "",
    }.items():
        assert call(f"make_absolute.sh {name}").stdout.strip() == str(tmp_path / found)
