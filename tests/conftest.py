"""Fixtures that several test folders use."""

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = tempfile.TemporaryDirectory()  # removed when the tests end

DRY_RUN = "ASDA_DRY_RUN"  # a variable of the environment, see `gpu`

if not shutil.which("ffmpeg"):  # an independent decoder, which tests of audio compare with
    with contextlib.suppress(ImportError):  # tests on a GPU do without
        import imageio_ffmpeg

        os.symlink(imageio_ffmpeg.get_ffmpeg_exe(), f"{PROGRAMS.name}/ffmpeg")
        os.environ["PATH"] += f"{os.pathsep}{PROGRAMS.name}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let files with slow tests come first, so that all processes end at about the same time."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


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
def gpu():
    """The GPU; with $ASDA_DRY_RUN the CPU in its place, so that tests on it can be tried out."""
    import torch  # slow, and most tests of commands do without

    if os.environ.get(DRY_RUN):
        return torch.device("cpu")
    if not torch.cuda.is_available():
        pytest.skip(f"needs a GPU; {DRY_RUN}=1 runs it on the CPU")
    # In float32 convolutions would otherwise be computed with 10 bits of the mantissa (TF32).
    torch.backends.cudnn.allow_tf32 = False
    return torch.device("cuda")


@pytest.fixture(params=["cpu", pytest.param("gpu", marks=pytest.mark.gpu)])
def device(request):
    """The CPU and, in tests that are marked so, the GPU."""
    import torch

    return torch.device("cpu") if request.param == "cpu" else request.getfixturevalue("gpu")


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
