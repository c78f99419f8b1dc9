"""Exported graphs compute what `asda.load` computes, in onnxruntime and in torch without asda."""

import json
import logging
import shutil

import numpy as np
import pytest
import torch
import torch._inductor
from export.exported import LABELS, saved_model

from asda.checkpoint import tensor_files
from asda.cli import main
from asda.export import onnx_file
from asda.export.exported_model import ExportedModel
from asda.inference.audio_input import Waveform
from asda.inference.audio_model import AudioModel
from asda.inference.computations import class_outputs
from asda.inference.loading import load
from asda.model.model_config import AttentionConfig, PatchConfig

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")
pytestmark = pytest.mark.slow

BATCHES = [[9000], [9000, 3000, 15000]]  # samples; 15000 make 92 frames, of at most 96
MODELS = {
    "classifier": {},
    "padding is sound": {"data": {"padding": "fill"}, "head": {"pooling": "cls"}},
    "all layers, learned lambda": {
        "head": {"pooling": "statistics", "layers": "all"},
        "attention": AttentionConfig(learn_lambda=True, norm="head_rms", head_split="half"),
    },
    "gated": {"attention": AttentionConfig(kind="gated")},
    "diff_v2": {"attention": AttentionConfig(kind="diff_v2")},
    "normalised by clip": {"normalization": {"range_db": 80.0}},
    "normalised by clip, filled up": {
        "normalization": {"range_db": 30.0},
        "data": {"padding": "fill"},
    },
    "frames beyond edges": {"fbank": {"num_mel_bins": 80, "snip_edges": False, "window": "povey"}},
    "overlapping patches": {"kind": "encoder", "patch": PatchConfig(8, 32, time_stride=4)},
    "pretrained": {"kind": "pretrained"},
}


@pytest.fixture(autouse=True)
def no_trace(monkeypatch):
    """Spare the time that pytest takes to capture the compiler's own trace of each step."""
    monkeypatch.setattr(logging.getLogger("torch.__trace"), "disabled", True)


@pytest.fixture
def write(tmp_path):
    """A function that writes a model and exports it with these words, and returns both paths."""

    def written(out, *words, **settings):
        tensor_files.save(saved_model(**settings).content(), tmp_path / "model.pt")
        main(["export", str(tmp_path / "model.pt"), str(tmp_path / out), *words])
        return tmp_path / "model.pt", tmp_path / out

    return written


def clips(lengths):
    """Return waveforms (batch, samples) with noise in place of padding."""
    random = np.random.default_rng(0)
    return random.normal(0, 0.1, (len(lengths), max(lengths))).astype(np.float32)


def check(model: AudioModel, run):
    """Compare `run(signal, lengths)`, which returns outputs by name, with the model."""
    for lengths in BATCHES:
        signal = clips(lengths)
        found = run(signal, np.array(lengths))
        for row, length in enumerate(lengths):
            audio = (signal[row, :length], model.sample_rate)
            frames = model.frames(audio).features
            np.testing.assert_allclose(found["embedding"][row], model.embed(audio), atol=1e-4)
            np.testing.assert_allclose(found["frames"][row][: len(frames)], frames, atol=1e-4)
            assert found["valid"][row].tolist() == [
                time < len(frames) for time in range(found["valid"].shape[1])
            ]
            if not model.labels:
                assert "logits" not in found
                continue
            (window,) = model.run([Waveform(*audio)], class_outputs([model.network]))
            np.testing.assert_allclose(found["logits"][row], window.output, atol=1e-4)


def session_runner(path, signal_name="waveform"):
    session = onnxruntime.InferenceSession(path)
    names = [entry.name for entry in session.get_outputs()]

    def run(signal, lengths):
        values = session.run(None, {signal_name: signal, "lengths": lengths})
        return dict(zip(names, values, strict=True))

    return session, run


@pytest.mark.parametrize("name", MODELS)
def test_onnxruntime_computes_the_same(name, write, capsys):
    model, out = write("model.onnx", "--format", "onnx", **MODELS[name])
    check(load(model, "cpu"), session_runner(out)[1])
    assert "compared with asda, in batches of 1 and 3 clips" in capsys.readouterr().out


def test_the_teacher_can_be_exported(write):
    model, out = write("t.onnx", "--format", "onnx", "--encoder", "teacher", kind="pretrained")
    check(load(model, "cpu", encoder="teacher"), session_runner(out)[1])


def test_features_instead_of_waveforms(write):
    path, out = write("model.onnx", "--format", "onnx", "--inputs", "features")
    model = load(path, "cpu")
    session, run = session_runner(out, "features")
    assert session.get_inputs()[0].shape == ["batch", "frames", 128]

    def from_waveforms(signal, lengths):
        features = [
            model.fbank(torch.from_numpy(row[:length]))
            for row, length in zip(signal, lengths, strict=True)
        ]
        padded = torch.nn.utils.rnn.pad_sequence(features, batch_first=True)
        return run(padded.numpy(), np.array([len(matrix) for matrix in features]))

    check(model, from_waveforms)


def test_metadata_holds_labels_and_settings(write):
    path, out = write("model.onnx", "--format", "onnx")
    session, _ = session_runner(out)
    found = session.get_modelmeta().custom_metadata_map
    model = load(path, "cpu")
    assert json.loads(found["labels"]) == LABELS
    assert json.loads(found["fbank"]) == model.saved.fbank
    assert json.loads(found["normalization"]) == model.saved.normalization
    assert (found["output"], found["padding"], found["sample_rate"]) == ("softmax", "mask", "16000")
    times = model.frame_times(2)
    assert float(found["first_frame_centre"]) == pytest.approx(times[0].item())
    assert float(found["frame_hop"]) == pytest.approx((times[1] - times[0]).item())
    assert found["shortest_input"] == str(400 + 16 * 160)


@pytest.mark.parametrize(
    "name",
    ["classifier", "padding is sound", "gated", "diff_v2", "normalised by clip", "pretrained"],
)
def test_a_program_of_torch_computes_the_same(name, write):
    path, out = write("model.pt2", "--format", "torch-export", **MODELS[name])
    extra = {"asda.json": ""}
    program = torch.export.load(out, extra_files=extra).module()
    facts = json.loads(extra["asda.json"])
    outputs = json.loads(facts["outputs"])

    def run(signal, lengths):
        values = program(torch.from_numpy(signal), torch.from_numpy(lengths))
        return dict(zip(outputs, (value.numpy() for value in values), strict=True))

    with torch.inference_mode():
        check(load(path, "cpu"), run)


@pytest.mark.skipif(not shutil.which("g++"), reason="needs a C++ compiler")
def test_a_compiled_program_computes_the_same(write):
    path, out = write("model.pt2", "--format", "aotinductor", depth=1, width=16)
    program = torch._inductor.aoti_load_package(str(out))
    outputs = json.loads(program.get_metadata()["outputs"])

    def run(signal, lengths):
        values = program(torch.from_numpy(signal), torch.from_numpy(lengths))
        return dict(zip(outputs, (value.numpy() for value in values), strict=True))

    check(load(path, "cpu"), run)


def test_int8_weights_are_smaller_and_leave_the_features_exact(write, capsys):
    model, exact = write("exact.onnx", "--format", "onnx", width=192)
    out = exact.with_name("int8.onnx")
    main(["export", str(model), str(out), "--format", "onnx", "--precision", "int8"])
    assert out.stat().st_size < 0.6 * exact.stat().st_size
    lengths = BATCHES[1]
    found, expected = (
        session_runner(path)[1](clips(lengths), np.array(lengths)) for path in (out, exact)
    )
    difference = np.abs(found["embedding"] - expected["embedding"]).max()
    difference /= np.abs(expected["embedding"]).max()
    assert 1e-4 < difference < 0.2
    assert json.loads(session_runner(out)[0].get_modelmeta().custom_metadata_map["labels"])
    assert "largest differences embedding" in capsys.readouterr().out


def test_an_export_that_computes_something_else_is_not_kept(write, tmp_path, monkeypatch, capsys):
    (tmp_path / "model.onnx").write_text("what was there before")
    monkeypatch.setattr(ExportedModel, "_scaled", lambda self, log_mel, frames: 0.9 * log_mel)
    with pytest.raises(SystemExit):
        write("model.onnx", "--format", "onnx")
    said = capsys.readouterr().err
    assert "model.onnx: not written, since the exported model differs from asda's by more" in said
    assert (tmp_path / "model.onnx").read_text() == "what was there before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.onnx", "model.pt"]


def test_a_full_disk_leaves_nothing(write, tmp_path, monkeypatch, capsys):
    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(onnx_file, "save", full)
    with pytest.raises(SystemExit):
        write("model.onnx", "--format", "onnx")
    assert "model.onnx: No space left on device; free some space" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["model.pt"]
