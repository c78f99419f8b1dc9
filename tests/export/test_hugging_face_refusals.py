"""What `asda export --format huggingface` checks and refuses."""

import importlib.util
import json

import pytest
import torch
from export.exported import LABELS, saved_model, write_unchecked

from asda.checkpoint import tensor_files
from asda.checkpoint.load import read_model
from asda.commands.export import main
from asda.export import hugging_face_folder
from asda.export.export_options import ExportOptions
from asda.files import InputError


def write(saved, out, **options):
    hugging_face_folder.write(saved, out, ExportOptions(**options))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["finetuned", "pretrained"])
def test_the_command_loads_what_it_wrote(kind, tmp_path, capsys):
    pytest.importorskip("transformers", reason="needs transformers: asda[hf]")
    tensor_files.save(saved_model(kind).content(), tmp_path / "model.pt")
    out = tmp_path / "out"
    main([str(tmp_path / "model.pt"), str(out), "--format", "huggingface"])
    assert "without asda: outputs of" in capsys.readouterr().out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.pt", "out"]
    names = ["README.md", "config.json", "configuration_asda.py", "feature_extraction_asda.py"]
    names += ["model.safetensors", "modeling_asda.py", "preprocessor_config.json"]
    assert sorted(path.name for path in out.iterdir()) == names


@pytest.mark.slow
@pytest.mark.parametrize(
    ("correct", "spoilt", "said"),
    [
        ("self.scale * self.weight, self.scale", "self.weight, self.scale", "differs by"),
        ("import torch\n", "import torch\nimport asda.files\n", "cannot load it"),
    ],
)
def test_code_that_computes_something_else_is_not_kept(
    correct, spoilt, said, tmp_path, monkeypatch
):
    pytest.importorskip("transformers", reason="needs transformers: asda[hf]")
    bundled = hugging_face_folder.bundled_source

    def spoiling(*arguments, **options):
        return bundled(*arguments, **options).replace(correct, spoilt)

    monkeypatch.setattr(hugging_face_folder, "bundled_source", spoiling)
    with pytest.raises(InputError, match=said):
        write(saved_model(), tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_without_transformers_the_command_says_what_was_not_tried(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("importlib.util.find_spec", without_transformers(importlib.util.find_spec))
    write(saved_model(), tmp_path / "out")
    assert "transformers is not installed here" in capsys.readouterr().out
    assert read_model(tmp_path / "out").labels == LABELS


def without_transformers(find_spec):
    return lambda name, *rest: None if name == "transformers" else find_spec(name, *rest)


def test_a_folder_that_asda_reads_back_differently_is_not_kept(tmp_path, monkeypatch):
    writing = hugging_face_folder.write_safetensors

    def spoiling(tensors, path):
        writing(tensors | {"head.bias": tensors["head.bias"] + 1}, path)

    saved = saved_model()
    monkeypatch.setattr(hugging_face_folder, "write_safetensors", spoiling)
    with pytest.raises(InputError, match="asda reads weights back differently"):
        write(saved, tmp_path / "out")
    assert not list(tmp_path.iterdir())


def spoilt_model(**fields):
    saved = saved_model()
    for name, value in fields.items():
        setattr(saved, name, value)
    return saved


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"fbank": {}}, "was trained on features of unknown settings"),
        ({"head": {"name": "duration"}}, "head 'duration'; transformers only has a class for"),
        ({"labels": ["one"]}, "a softmax over one class"),
    ],
)
def test_models_that_the_folder_cannot_hold(fields, said, tmp_path):
    with pytest.raises(InputError, match=said):
        write(spoilt_model(**fields), tmp_path / "out")


def test_the_teacher_of_a_classifier(tmp_path):
    with pytest.raises(InputError, match="holds one encoder"):
        write(saved_model(), tmp_path / "out", encoder="teacher")


def test_nothing_is_written_over(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/notes.txt").write_text("mine")
    with pytest.raises(InputError, match="a folder with files in it; remove it or choose another"):
        write(saved_model(), tmp_path / "out")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    return write_unchecked(saved_model(), tmp_path / "out", monkeypatch)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "config.json:1: not JSON"),
        ("[1]", "config.json: expected the configuration of a model"),
        ('{"model_type": "asda"}', "corrupt or not an asda file"),
        ('{"model_type": "asda", "asda": 3}', "corrupt or not an asda file"),
    ],
)
def test_damaged_configurations(content, said, folder):
    (folder / "config.json").write_text(content)
    with pytest.raises(InputError, match=said) as caught:
        read_model(folder)
    assert "\n" not in str(caught.value)


def test_settings_that_do_not_fit_the_tensors(folder):
    config = json.loads((folder / "config.json").read_text())
    config["asda"]["model"]["depth"] = 1
    config["asda"]["model"]["target_layers"] = 1
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match="its tensors do not fit the model"):
        read_model(folder)


def test_a_folder_without_tensors(tmp_path):
    with pytest.raises(InputError, match="a folder; expected a checkpoint"):
        read_model(tmp_path)


def test_tensors_of_several_types(tmp_path, monkeypatch):
    saved = saved_model()
    saved.weights["head.bias"] = saved.weights["head.bias"].half()
    saved.weights["encoder.cls_token"] = saved.weights["encoder.cls_token"].bfloat16()
    read = read_model(write_unchecked(saved, tmp_path / "out", monkeypatch))
    for name, tensor in saved.weights.items():
        assert read.weights[name].dtype == tensor.dtype
        assert torch.equal(read.weights[name], tensor)
