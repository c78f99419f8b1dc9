"""What a user reads when something cannot be written."""

import errno
import os
import stat
import subprocess
import sys

import pytest

from asda import abandoned, system_locks
from asda.files import (
    InputError,
    atomic_write,
    counted,
    plural,
    reason_of,
    refuse_overwriting,
)
from asda.staging import staged


def test_a_full_disk_is_blamed_on_the_file_that_was_to_be_written(tmp_path):
    (tmp_path / "utt2dur").write_text("before\n")
    with pytest.raises(OSError) as found, atomic_write(tmp_path / "utt2dur"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert reason_of(found.value) == (
        f"{tmp_path}/utt2dur: No space left on device; free some space and repeat the call"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["utt2dur"]
    assert (tmp_path / "utt2dur").read_text() == "before\n"


def test_a_temporary_name_is_not_said(tmp_path, monkeypatch):
    def refuse(dir, prefix):
        raise PermissionError(errno.EACCES, "Permission denied", f"{dir}/{prefix}x_5jy")

    monkeypatch.setattr("asda.files.tempfile.mkstemp", refuse)
    with pytest.raises(PermissionError) as found, atomic_write(tmp_path / "utt2dur"):
        pass
    assert reason_of(found.value).startswith(f"{tmp_path}/utt2dur: Permission denied; change")


def test_a_temporary_name_is_not_said_of_a_relative_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    with pytest.raises(OSError) as found, atomic_write("models") as stream:
        stream.write("x")
    assert reason_of(found.value) == "models: Is a directory; give the name of a file in it"


def test_a_file_in_the_place_of_a_folder_is_named_with_a_remedy(tmp_path):
    (tmp_path / "exp").write_text("")
    with pytest.raises(OSError) as found, atomic_write(tmp_path / "exp/model.pt"):
        pass
    assert reason_of(found.value) == f"{tmp_path}/exp: File exists; choose another name"


def test_another_file_keeps_its_name(tmp_path):
    with pytest.raises(OSError) as found, atomic_write(tmp_path / "utt2dur"):
        raise OSError(errno.EIO, "Input/output error", str(tmp_path / "wav.scp"))
    assert reason_of(found.value) == f"{tmp_path}/wav.scp: Input/output error"


def test_a_folder_is_not_replaced(tmp_path):
    (tmp_path / "models").mkdir()
    with pytest.raises(OSError) as found, atomic_write(tmp_path / "models") as stream:
        stream.write("x")
    assert reason_of(found.value) == (
        f"{tmp_path}/models: Is a directory; give the name of a file in it"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["models"]


def test_devices_and_pipes_are_not_replaced(tmp_path):
    pipe, link = tmp_path / "pipe.csv", tmp_path / "link.csv"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    for path in (pipe, link, "/dev/stdout", "/dev/asda-missing.csv"):
        with pytest.raises(InputError, match="a device or a pipe"), atomic_write(path):
            pass
        with pytest.raises(InputError, match="a device or a pipe"):
            refuse_overwriting(path, [])
    assert stat.S_ISFIFO(pipe.stat().st_mode) and link.is_symlink()


KILLED = """
import os, signal, sys
from pathlib import Path
from asda.files import atomic_write
from asda.staging import staged
folder = Path(sys.argv[1])
with atomic_write(folder / "table") as stream, staged(folder / "export") as made:
    made.mkdir()
    (made / "half").write_text("x")
    stream.write("half")
    stream.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("written", [0, 2**33])  # long ago, and before the clock was set back
def test_what_a_killed_process_has_left_goes_with_the_next_write(tmp_path, written):
    for name in (".table.mine", ".table.settings2", ".other.abcdefgh"):
        (tmp_path / name).write_text("of the user")
    subprocess.run([sys.executable, "-c", KILLED, tmp_path], check=False)
    left = {path.name for path in tmp_path.iterdir()}
    assert len(left) == 5
    os.utime(next(tmp_path.glob(".table.????????")), (written, written))
    with atomic_write(tmp_path / "table") as stream:
        stream.write("whole")
    with staged(tmp_path / "export") as made:
        made.mkdir()
    kept = {".table.mine", ".table.settings2", ".other.abcdefgh"}
    assert {path.name for path in tmp_path.iterdir()} == {"table", "export"} | kept


def test_the_temporary_file_of_a_living_process_stays(tmp_path):
    abandoned._hidden_names.cache_clear()
    with atomic_write(tmp_path / "table") as first:
        abandoned._hidden_names.cache_clear()  # as in another process, which begins here
        os.utime(next(tmp_path.glob(".table.*")), (0, 0))
        first.write("first")
        with atomic_write(tmp_path / "table") as second:
            second.write("second")
    assert (tmp_path / "table").read_text() == "first"


def test_on_a_disk_whose_locks_hold_on_one_host_nothing_of_others_is_removed(tmp_path, monkeypatch):
    """A process of another host may live, and write what seems to be abandoned here."""
    mounts = tmp_path / "mounts"
    monkeypatch.setattr(system_locks, "MOUNTS", mounts)
    (tmp_path / ".export.abcdefgh").mkdir()
    for options, left in (("rw,nolock", True), ("rw", False)):
        mounts.write_text(f"server:/x {tmp_path} nfs {options} 0 0\n")
        abandoned._hidden_names.cache_clear()
        abandoned.remove_abandoned(tmp_path / "export")
        assert (tmp_path / ".export.abcdefgh").exists() == left


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 classes"), (1, "1 class"), (2, "2 classes"), (1200, "1,200 classes")],
)
def test_a_word_goes_with_its_count(count, words):
    assert counted(count, "class", "classes") == words
    assert plural(count, "clip") == ("clip" if count == 1 else "clips")
