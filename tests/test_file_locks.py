"""Locks, on file systems that refuse them and on those whose locks hold on one host only."""

import errno
import fcntl
import os
import socket
import threading
import time

import pytest
import torch

from asda import file_locks, system_locks
from asda.distributed import Process
from asda.file_locks import FileLock, locked
from asda.files import InputError
from asda.training.experiment import Experiment
from asda.training.run_config import PretrainConfig

DEAD = 2**22 + 1  # more than the largest number of a process


@pytest.fixture(params=[errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def refused(request, monkeypatch):
    """A file system without locks."""

    def refuse(*_):
        raise OSError(request.param, os.strerror(request.param))

    monkeypatch.setattr(fcntl, "flock", refuse)
    monkeypatch.setattr(fcntl, "lockf", refuse)


@pytest.fixture
def lock(tmp_path):
    return FileLock(tmp_path / "lock")


@pytest.fixture
def other(tmp_path):
    return FileLock(tmp_path / "lock")


def test_where_the_system_has_locks_no_second_file_is_needed(lock, other):
    assert lock.acquire()
    assert not other.acquire()
    assert (other.holder, lock.marker.exists()) == ("", False)
    lock.release()
    assert other.acquire()


def test_without_locks_a_second_file_keeps_others_out_and_names_the_holder(lock, other, refused):
    assert lock.acquire()
    assert not other.acquire()
    assert other.holder == (
        f" (process {os.getpid()} on {socket.gethostname()}; if it has ended, remove {lock.marker})"
    )
    other.release()
    assert lock.marker.exists()
    lock.release()
    assert other.acquire()
    other.release()
    assert {path.name for path in lock.path.parent.iterdir()} == {"lock"}


def test_a_dead_process_of_this_host_holds_no_lock_and_one_of_another_host_may(lock, refused):
    lock.marker.write_text(f"{socket.gethostname()} {DEAD}")
    assert lock.acquire()
    lock.release()
    lock.marker.write_text(f"elsewhere {DEAD}")
    assert not lock.acquire()
    assert f"(process {DEAD} on elsewhere; if it has ended, remove" in lock.holder


@pytest.mark.parametrize(
    ("kind", "options", "marked"),
    [
        ("nfs", "rw,nolock", True),
        ("nfs4", "rw,local_lock=all", True),
        ("nfs", "rw,local_lock=none", False),
        ("ext4", "rw", False),
    ],
)
def test_locks_that_hold_on_one_host_only_are_known_by_the_mount_options(
    tmp_path, lock, monkeypatch, kind, options, marked
):
    mounts = tmp_path / "mounts"
    lines = [f"other / nfs nolock 0 0\nserver:/x {tmp_path} {kind} {options} 0 0"]
    mounts.write_text("\n".join([*lines, f"y {tmp_path}/locks nfs nolock 0 0\n"]))
    monkeypatch.setattr(system_locks, "MOUNTS", mounts)
    assert lock.acquire()
    assert lock.marker.exists() == marked


def test_a_disk_may_be_mounted_in_a_folder_with_a_space_in_its_name(tmp_path, monkeypatch):
    folder = tmp_path / "my disk"
    folder.mkdir()
    mounts = tmp_path / "mounts"
    mounts.write_text(f"x / ext4 rw 0 0\ny {tmp_path}/my\\040disk nfs rw,nolock 0 0\n")
    monkeypatch.setattr(system_locks, "MOUNTS", mounts)
    lock = FileLock(folder / "lock")
    assert lock.acquire()
    assert lock.marker.exists()
    lock.release()


def test_who_waits_says_for_whom(lock, monkeypatch, capsys, refused):
    monkeypatch.setattr(file_locks, "POLL_SECONDS", 0.01)
    assert lock.acquire()
    threading.Timer(0.2, lock.release).start()
    started = time.monotonic()
    with locked(lock.path):
        assert time.monotonic() - started > 0.1
    assert capsys.readouterr().err.count("waiting for another process (process") == 1
    assert not lock.marker.exists()


def test_a_second_training_is_refused_on_a_disk_without_locks(tmp_path, refused):
    config = PretrainConfig(train="data", exp=str(tmp_path))
    process = Process(0, 1, torch.device("cpu"))
    first = Experiment(config, "pretrain", process)
    with pytest.raises(InputError, match=rf"trains in this folder \(process {os.getpid()} on "):
        Experiment(config, "pretrain", process)
    first.close()
    Experiment(config, "pretrain", process).close()
