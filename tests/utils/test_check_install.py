"""tools/check_install.py turns a broken package into one line, and the Makefile a wrong Python."""

import os
import re
import shutil
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow


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
    assert {"python", "asda", "torch", "torchaudio", "scipy", "devices:"} <= set(names)


def test_a_broken_package_is_one_line_that_says_what_to_install(repository, tmp_path):
    (tmp_path / "torchaudio.py").write_text("raise OSError('libcudart.so.13:\\n cannot open')")
    (tmp_path / "soxr.py").write_text("raise ImportError('No module named soxr')")
    done = check(repository, tmp_path)
    assert done.returncode == 1
    pair, missing = done.stderr.splitlines()
    assert pair.startswith("check_install: torchaudio: libcudart.so.13: cannot open -- ")
    assert re.search(r"--force-reinstall --no-deps 'torchaudio\S*>=2\.11\S*' \(from the", pair)
    assert "pip install --force-reinstall 'soxr>=" in missing


def make(repository, folder, python, *variables):
    """Run a copy of the Makefile in FOLDER with the shell script PYTHON as interpreter."""
    (folder / "tools").mkdir()
    shutil.copy(repository / "tools/Makefile", folder / "tools")
    shutil.copy(repository / "pyproject.toml", folder)
    interpreter = folder / "python"
    interpreter.write_text(f"#!/bin/sh\n{python}")
    interpreter.chmod(0o755)
    return subprocess.run(
        ["make", "-C", folder / "tools", f"PYTHON={interpreter}", *variables],
        capture_output=True,
        text=True,
    )


def test_makefile_refuses_an_unsupported_python(repository, tmp_path):
    done = make(repository, tmp_path, '[ "$1" = --version ] && echo Python 3.8.1 || exit 1\n')
    assert done.returncode != 0
    assert "is Python 3.8.1, but asda needs Python 3.10 to 3.13" in done.stderr
    assert not (tmp_path / "tools/venv").exists()


# Stands for Python, its venv and its pip, and notes what pip is asked for.
NOTING = """
case "$*" in
  "-m venv venv") mkdir -p venv/bin; cp "$0" venv/bin/python ;;
  "-m pip "*) echo "$*" >> pip.log ;;
esac
"""


def test_makefile_tells_the_size_before_it_installs(repository, tmp_path):
    done = make(repository, tmp_path, NOTING)
    assert done.returncode == 0, done.stderr
    assert "3 GB to download, 6 GB on disk" in done.stdout.splitlines()[1]
    (line,) = (tmp_path / "tools/pip.log").read_text().splitlines()
    assert line.endswith(" --editable ..[dev]")


def test_makefile_takes_torch_from_another_index(repository, tmp_path):
    done = make(repository, tmp_path, NOTING, "TORCH_INDEX=file:///wheels for CPUs")
    assert done.returncode == 0, done.stderr
    torch, asda = (tmp_path / "tools/pip.log").read_text().splitlines()
    assert torch.endswith("--index-url file:///wheels for CPUs --requirement venv/torch.txt")
    assert asda.endswith(" --editable ..[dev]")
    wanted = (tmp_path / "tools/venv/torch.txt").read_text().splitlines()
    assert [re.match(r"\w+", line)[0] for line in wanted] == ["torch", "torchaudio"]
    assert all(f'"{line}"' in (repository / "pyproject.toml").read_text() for line in wanted)
