"""tools/check_install.py turns a broken package into one line, and the Makefile a wrong Python."""

import os
import shutil
import subprocess
import sys


def check(repository, *paths):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, paths))}
    return subprocess.run(
        [sys.executable, repository / "tools/check_install.py"],
        capture_output=True,
        text=True,
        env=environment,
    )


def test_versions_and_devices_are_printed(repository):
    done = check(repository)
    assert (done.returncode, done.stderr) == (0, "")
    names = [line.split()[0] for line in done.stdout.splitlines()]
    assert {"python", "asda", "torch", "torchaudio", "sentencepiece", "devices:"} <= set(names)


def test_a_broken_package_is_one_line_that_says_what_to_install(repository, tmp_path):
    (tmp_path / "torchaudio.py").write_text("raise OSError('libcudart.so.13:\\n cannot open')")
    (tmp_path / "soxr.py").write_text("raise ImportError('No module named soxr')")
    done = check(repository, tmp_path)
    assert done.returncode == 1
    pair, missing = done.stderr.splitlines()
    assert pair.startswith("check_install: torchaudio: libcudart.so.13: cannot open -- ")
    assert "pip install --force-reinstall --no-deps torchaudio==2." in pair
    assert "pip install --force-reinstall 'soxr>=" in missing


def test_makefile_refuses_an_unsupported_python(repository, tmp_path):
    (tmp_path / "tools").mkdir()
    shutil.copy(repository / "tools/Makefile", tmp_path / "tools")
    shutil.copy(repository / "setup.py", tmp_path)
    old = tmp_path / "python3.8"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.8.1 || exit 1\n')
    old.chmod(0o755)
    done = subprocess.run(
        ["make", "-C", tmp_path / "tools", f"PYTHON={old}"], capture_output=True, text=True
    )
    assert done.returncode != 0
    assert "is Python 3.8.1, but asda needs Python 3.10 to 3.13" in done.stderr
    assert not (tmp_path / "tools/venv").exists()
