"""A server of model files on this machine, and empty places for cache and list."""

import pytest
from recipes.servers import serve


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    """Keep what tests write out of the user's folders; let no attempt wait."""
    monkeypatch.setenv("ASDA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("ASDA_MODELS", raising=False)
    monkeypatch.setattr("asda.registry.downloads.time.sleep", lambda seconds: None)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / "published"
    folder.mkdir()
    with serve(folder) as server:
        yield server
