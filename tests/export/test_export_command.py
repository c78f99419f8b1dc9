"""What `asda export` refuses, in one line and before it works."""

import dataclasses
import importlib.util

import pytest
import torch
from checkpoint.reference_files import finetuned, pretraining
from export.exported import saved_model
from inference.recognisers import recogniser

from asda.checkpoint import tensor_files
from asda.cli import main


@pytest.fixture
def refused(tmp_path, capsys):
    """A function that exports a model with these words, and returns the line of the refusal."""

    def refusal(out, *words, saved=None):
        tensor_files.save((saved or saved_model()).content(), tmp_path / "model.pt")
        with pytest.raises(SystemExit):
            main(["export", str(tmp_path / "model.pt"), str(tmp_path / out), *words])
        assert [path.name for path in tmp_path.iterdir()] == ["model.pt"]
        (line,) = capsys.readouterr().err.splitlines()
        return line

    return refusal


def test_the_format_must_be_given(refused):
    assert "--format must be given: onnx, torch-export, aotinductor," in refused("model.onnx")


def test_an_option_without_effect_is_refused(refused):
    said = refused("model.pt2", "--format", "torch-export", "--precision", "int8")
    assert "--precision int8 has no effect on the format torch-export; leave it out" in said


def test_a_missing_extra_is_named_with_the_command_that_installs_it(refused, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if "onnx" in name else find(name)
    )
    for words in (["model.onnx", "--format", "onnx"], ["tagger", "--format", "sherpa-onnx"]):
        assert refused(*words).endswith("onnxruntime: pip install 'asda[onnx]'")


def test_a_recogniser_is_no_audio_tagger(refused, tmp_path_factory):
    said = refused(
        "tagger", "--format", "sherpa-onnx", saved=recogniser(tmp_path_factory.mktemp("units"))
    )
    assert said.endswith(
        "model.pt: a recogniser; the format sherpa-onnx is for classifiers, export this model with"
        " --format onnx, torch-export or aotinductor"
    )


def test_without_a_compiler_there_is_no_compiled_program(refused, monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    said = refused("model.pt2", "--format", "aotinductor")
    assert "no C++ compiler (no-such-compiler) on this machine" in said
    assert "choose --format torch-export" in said


@pytest.mark.parametrize(
    ("name", "suffix"),
    [("onnx", ".onnx"), ("torch-export", ".pt2"), ("aotinductor", ".pt2"), ("reference", ".pt")],
)
def test_the_name_of_a_file_must_have_the_ending_of_its_format(refused, name, suffix):
    said = refused("model.bin", "--format", name)
    assert said.endswith(f"model.bin: the name of a file of this format must end in {suffix}")


@pytest.mark.parametrize("name", ["onnx", "torch-export", "aotinductor", "reference"])
def test_a_folder_is_no_name_for_a_file(tmp_path, capsys, name):
    tensor_files.save(saved_model().content(), tmp_path / "model.pt")
    (tmp_path / "folder").mkdir()
    with pytest.raises(SystemExit):
        main(["export", str(tmp_path / "model.pt"), str(tmp_path / "folder"), "--format", name])
    (line,) = capsys.readouterr().err.splitlines()  # nothing was computed and compared before
    assert "folder: a folder; give the name of a file in it, ending in .pt" in line.replace(
        ".onnx", ".pt"
    )


@pytest.mark.parametrize("name", ["sherpa-onnx", "huggingface"])
def test_a_file_is_no_name_for_a_folder(tmp_path, capsys, name):
    tensor_files.save(saved_model().content(), tmp_path / "model.pt")
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for out in ("file", "link"):
        with pytest.raises(SystemExit):
            main(["export", str(tmp_path / "model.pt"), str(tmp_path / out), "--format", name])
        (line,) = capsys.readouterr().err.splitlines()
        assert line.endswith(f"{out}: a file, not a folder; remove it or choose another name")


def test_features_that_are_not_recorded(refused):
    saved = dataclasses.replace(saved_model(), fbank={})
    said = refused("model.onnx", "--format", "onnx", saved=saved)
    assert "features of unknown settings" in said


def test_the_reference_names_what_does_not_fit(refused):
    saved = saved_model(mlp_ratio=3.0)
    said = refused("out.pt", "--format", "reference", saved=saved)
    assert "the reference has no such model (model.mlp_ratio is 3.0, not 3.5)" in said
    said = refused("out.pt", "--format", "reference", saved=saved_model("encoder"))
    assert "an encoder alone; the reference's files hold an encoder with a decoder" in said
    said = refused(
        "out.pt", "--format", "reference", saved=saved_model(head={"pooling": "statistics"})
    )
    assert "it has classifiers of the last layer with pooling cls or mean" in said


@pytest.mark.parametrize("content", [pretraining(), finetuned()], ids=["pretrained", "classifier"])
def test_the_reference_is_read_back_and_compared(tmp_path, content, capsys):
    torch.save(content, tmp_path / "theirs.pt")
    words = [str(tmp_path / "theirs.pt"), str(tmp_path / "again.pt"), "--format", "reference"]
    main(["export", *words])
    assert "tensors and the outputs for noise are equal" in capsys.readouterr().out
