"""hubconf.py: what torch.hub offers of this repository."""

import importlib.util
import subprocess
import sys

import pytest
import torch
from inference.model_files import write_model


def hub(repository, name, *words, **options):
    return torch.hub.load(str(repository), name, *words, source="local", **options)


def test_an_encoder_of_a_named_size_has_its_width_and_given_depth(repository):
    encoder = hub(repository, "asda_encoder", "tiny", depth=2)
    assert len(encoder.blocks) == 2
    assert encoder(torch.zeros(1, 32, 128)).tokens.shape == (1, 17, encoder.cls_token.shape[-1])
    assert encoder.training


@pytest.mark.slow
def test_a_copy_elsewhere_loads_a_model_with_its_own_package(repository, tmp_path):
    """As torch.hub does with what it downloads; the package is found beside hubconf.py."""
    write_model(tmp_path / "model.pt", "encoder")
    copy = tmp_path / "asda_main"
    copy.mkdir()
    for name in ("hubconf.py", "asda"):
        (copy / name).symlink_to(repository / name)
    code = (
        f"import numpy, torch; model = torch.hub.load({str(copy)!r}, 'asda_model', 'model.pt',"
        " source='local'); print(*model.embed(numpy.zeros(16000, 'float32'), rate=16000).shape);"
        " import asda; print(asda.__file__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["48", str(copy / "asda/__init__.py")]


def test_only_the_entry_points_are_offered_and_their_packages_are_there(repository):
    spec = importlib.util.spec_from_file_location("hubconf", repository / "hubconf.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    offered = {name for name, value in vars(module).items() if callable(value) and name[0] != "_"}
    assert offered == {"asda_model", "asda_encoder"}
    assert all(importlib.util.find_spec(package) for package in module.dependencies)
