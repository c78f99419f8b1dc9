"""A folder with a model and sounds to apply it to."""

import shutil

import pytest
from apply.classifiers import write_classifier, write_sounds


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("made")
    write_classifier(root / "model.pt")
    write_sounds(root / "sounds")
    return root


@pytest.fixture
def place(made, tmp_path, monkeypatch):
    """A copy of model and sounds that is the present folder."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path
