from pathlib import Path

import pytest
from dataset.directories import two_sounds, with_features


@pytest.fixture(scope="session")
def data(tmp_path_factory) -> Path:
    """A folder with data directories `train` and `valid`, of clips of two lengths and classes."""
    root = tmp_path_factory.mktemp("sounds")
    with_features(root / "train", two_sounds(16, seed=0, frames=(32, 32, 48)))
    with_features(root / "valid", two_sounds(9, seed=1, frames=(32, 32, 20)))
    return root


@pytest.fixture
def no_images(monkeypatch) -> None:
    """Spare the time that it takes to draw curves."""
    monkeypatch.setattr("asda.training.progress.draw_curves", lambda history, folder: None)
