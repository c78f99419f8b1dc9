"""Audio taggers for sherpa-onnx: its slot, its features, and the package itself where installed."""

import dataclasses
import logging
import re

import numpy as np
import pytest
import torch
from export.exported import LABELS, saved_model
from torchaudio.compliance import kaldi

from asda.checkpoint import tensor_files
from asda.cli import main
from asda.configuration import load as load_yaml
from asda.export.sherpa_folder import FEATURES
from asda.features.fbank import Fbank
from asda.features.fbank_config import FbankConfig
from asda.inference.loading import load

pytestmark = pytest.mark.slow


@pytest.fixture
def preset(repository):
    return load_yaml(FbankConfig, repository / "egs/presets/fbank_sherpa.yaml")


@pytest.fixture
def tagger(tmp_path, preset, monkeypatch):
    """Paths of a model with these features and of its export."""
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    monkeypatch.setattr(logging.getLogger("torch.__trace"), "disabled", True)
    saved = saved_model(fbank=dataclasses.asdict(preset))
    tensor_files.save(saved.content(), tmp_path / "model.pt")
    words = [str(tmp_path / "model.pt"), str(tmp_path / "tagger"), "--format", "sherpa-onnx"]
    main(["export", *words])
    return tmp_path / "model.pt", tmp_path / "tagger"


def noise(samples=12000):
    return np.random.default_rng(1).normal(0, 0.1, samples).astype(np.float32)


def test_the_preset_has_the_features_of_sherpa(preset):
    """Its defaults for audio tagging (FeatureExtractorConfig), with Kaldi's upper edge of -400."""
    assert dataclasses.replace(preset, remove_mean=True) == FEATURES
    waveform = torch.from_numpy(noise())
    expected = kaldi.fbank(
        waveform[None].double(),
        num_mel_bins=80,
        window_type="povey",
        high_freq=-400.0,
        snip_edges=False,
        dither=0.0,
    )
    torch.testing.assert_close(Fbank(preset)(waveform).double(), expected, rtol=0, atol=1e-2)


def test_probabilities_of_the_graph_are_the_scores_of_asda(tagger):
    import onnxruntime

    path, folder = tagger
    model = load(path, "cpu")
    session = onnxruntime.InferenceSession(folder / "model.onnx")
    assert [(entry.name, entry.shape) for entry in session.get_inputs()] == [
        ("x", ["batch", "frames", 80]),
        ("x_lens", ["batch"]),
    ]
    features = model.fbank(torch.from_numpy(noise())).numpy()[None]
    (found,) = session.run(None, {"x": features, "x_lens": np.array([features.shape[1]])})
    tags = model.tag((noise(), 16000), top=None)
    expected = [score for _, score in sorted((tag.index, tag.score) for tag in tags)]
    np.testing.assert_allclose(found, [expected], atol=1e-5)
    rows = (folder / "labels.csv").read_text().splitlines()
    assert rows == ["index,mid,display_name", *(f'{i},{i},"{x}"' for i, x in enumerate(LABELS))]


def test_the_package_finds_the_scores_of_asda(tagger):
    sherpa_onnx = pytest.importorskip("sherpa_onnx")
    path, folder = tagger
    zipformer = sherpa_onnx.OfflineZipformerAudioTaggingModelConfig(str(folder / "model.onnx"))
    config = sherpa_onnx.AudioTaggingConfig(
        model=sherpa_onnx.AudioTaggingModelConfig(zipformer=zipformer),
        labels=str(folder / "labels.csv"),
        top_k=len(LABELS),
    )
    program = sherpa_onnx.AudioTagging(config)
    stream = program.create_stream()
    stream.accept_waveform(sample_rate=16000, waveform=noise())
    found = {event.name: event.prob for event in program.compute(stream)}
    expected = {tag.label: tag.score for tag in load(path, "cpu").tag((noise(), 16000), top=None)}
    assert found == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    ("saved", "said"),
    [
        (saved_model(), "num_mel_bins: 128 -> 80.*train it on egs/presets/fbank_sherpa.yaml"),
        (saved_model("encoder"), "has no labels; train a classifier on it"),
    ],
)
def test_models_that_do_not_fit_are_refused(tmp_path, capsys, saved, said):
    pytest.importorskip("onnxscript")
    tensor_files.save(saved.content(), tmp_path / "model.pt")
    words = [str(tmp_path / "model.pt"), str(tmp_path / "tagger"), "--format", "sherpa-onnx"]
    with pytest.raises(SystemExit):
        main(["export", *words])
    assert re.search(said, capsys.readouterr().err)


def test_a_label_with_a_quote_is_refused(tmp_path, preset, capsys):
    pytest.importorskip("onnxscript")
    saved = saved_model(fbank=dataclasses.asdict(preset))
    saved.labels = ['a "quoted" label', *saved.labels[1:]]
    tensor_files.save(saved.content(), tmp_path / "model.pt")
    words = [str(tmp_path / "model.pt"), str(tmp_path / "tagger"), "--format", "sherpa-onnx"]
    with pytest.raises(SystemExit):
        main(["export", *words])
    assert "has a quote or line break; rename it in labels.txt" in capsys.readouterr().err
