"""Every kind of checkpoint that exists elsewhere is read, tensor by tensor."""

import sys
import types

import pytest
import torch
from checkpoint.reference_files import X, finetuned, positions, pretraining

from asda.checkpoint.load import read_model
from asda.model.patches import sincos_positions


@pytest.fixture
def saved_as(tmp_path):
    def save(content, **options):
        torch.save(content, tmp_path / "theirs.pt", **options)
        return tmp_path / "theirs.pt"

    return save


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
@pytest.mark.parametrize("form", ["asda", "eat"])
@pytest.mark.parametrize("zipped", [True, False])
def test_pretraining_checkpoints(saved_as, form, dtype, zipped):
    content = pretraining(form, dtype=dtype)
    path = saved_as(content, _use_new_zipfile_serialization=zipped)
    saved = read_model(path)
    weights, model = saved.weights, content["model"]
    assert torch.equal(weights["student.cls_token"], model[f"{X}extra_tokens"])
    assert torch.equal(weights["teacher.cls_token"], model["_ema"][f"{X}extra_tokens"])
    assert torch.equal(weights["decoder.convs.1.bias"], model[f"{X}decoder.blocks.1.0.bias"])
    assert weights["student.norm.bias"].dtype == dtype
    assert len(weights) == len(model) + len(model["_ema"]) - 3  # the tables, and _ema itself
    config = saved.config
    assert (config.depth, config.width, config.heads) == (2, 64, 4)
    assert config.cls_weight == (0.5 if form == "asda" else 1)
    assert saved.facts["updates"] == 1234


def test_student_or_teacher(saved_as):
    content = pretraining()
    path = saved_as(content)
    for which, tensors in (("student", content["model"]), ("teacher", content["model"]["_ema"])):
        network = read_model(path).build(which)
        assert not network.training
        fc1 = network.blocks[1].mlp.fc1.weight
        assert torch.equal(fc1, tensors["blocks.1.mlp.fc1.weight"])


def test_half_precision_becomes_float32_in_the_network(saved_as):
    network = read_model(saved_as(pretraining(dtype=torch.float16))).build()
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}
    assert network(torch.zeros(1, 64, 128)).tokens.shape == (1, 1 + 4 * 8, 64)


@pytest.mark.parametrize("rows", [512, 6144])
def test_tables_of_any_length_give_the_same_model(saved_as, rows):
    network = read_model(saved_as(pretraining("eat", rows=rows))).build()
    fbank = torch.randn(1, 1600, 128)  # more patches than the short table has rows
    assert network(fbank).tokens.shape[1] == 801
    table = sincos_positions(200, 8, 64)
    torch.testing.assert_close(table, positions(64, 1600)[0], atol=1e-4, rtol=0)


@pytest.mark.slow
def test_the_large_geometry(saved_as):
    content = pretraining("eat", width=1024, depth=1, layers=3, kernel=5, dtype=torch.float16)
    config = read_model(saved_as(content)).config
    assert (config.width, config.heads, config.mlp_ratio) == (1024, 16, 4.0)
    assert (config.decoder.layers, config.decoder.kernel) == (3, 5)


def test_finetuned_checkpoints(saved_as):
    content = finetuned()
    saved = read_model(saved_as(content))
    assert saved.labels == ["/m/0", "/m/1", "/m/2", "/m/3", "/m/4"]
    assert saved.normalization == {"mean": -6.627, "std": 5.359}
    assert saved.data["max_frames"] == 512
    assert torch.equal(saved.weights["head.weight"], content["model"]["head.weight"])
    assert read_model(saved_as(content)).build()(torch.zeros(2, 64, 128)).shape == (2, 5)


@pytest.fixture
def omegaconf(monkeypatch):
    """A package of that name with a dict-like class, until the file is written."""
    module = types.ModuleType("omegaconf")

    class DictConfig(dict):
        pass

    DictConfig.__module__, DictConfig.__qualname__ = "omegaconf", "DictConfig"
    module.DictConfig = DictConfig
    monkeypatch.setitem(sys.modules, "omegaconf", module)
    return module


@pytest.mark.parametrize("zipped", [True, False])
def test_foreign_objects_are_not_brought_to_life(saved_as, omegaconf, monkeypatch, zipped):
    content = pretraining()
    content["cfg"]["generation"] = omegaconf.DictConfig(beam=5)
    content["extra_state"]["best"] = [omegaconf.DictConfig()]
    path = saved_as(content, _use_new_zipfile_serialization=zipped)
    monkeypatch.delitem(sys.modules, "omegaconf")
    assert read_model(path).kind == "pretrained"
    assert "omegaconf" not in sys.modules


def test_import_asda_is_cheap():
    import subprocess

    code = "import sys, asda; sys.exit('torch' in sys.modules or not asda.load.__doc__)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
