"""Fixtures that several test folders use."""

import os
import shutil
import tempfile
from pathlib import Path

import imageio_ffmpeg
import pytest

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = tempfile.TemporaryDirectory()  # removed when the tests end

if not shutil.which("ffmpeg"):  # an independent decoder, which tests of audio compare with
    os.symlink(imageio_ffmpeg.get_ffmpeg_exe(), f"{PROGRAMS.name}/ffmpeg")
    os.environ["PATH"] += f"{os.pathsep}{PROGRAMS.name}"


@pytest.fixture(scope="session")
def repository() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """The project's folder of reference outputs and real corpora, which users do not have."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip(f"needs the reference outputs and corpora in {folder}")
    return folder


@pytest.fixture(scope="session")
def data(tmp_path_factory) -> Path:
    """A folder with data directories `train` and `valid`, of clips of two lengths and classes."""
    from dataset.directories import two_sounds, with_features

    root = tmp_path_factory.mktemp("sounds")
    with_features(root / "train", two_sounds(16, seed=0, frames=(32, 32, 48)))
    with_features(root / "valid", two_sounds(9, seed=1, frames=(32, 32, 20)))
    return root


@pytest.fixture
def no_images(monkeypatch) -> None:
    """Spare the time that it takes to draw curves."""
    monkeypatch.setattr("asda.training.progress.draw_curves", lambda history, folder: None)
