"""Folders that transformers loads: the same outputs as asda's, and back to asda unchanged."""

import json
import os
import re
import tempfile

import numpy as np
import pytest
import torch
from export.exported import LABELS, contents, saved_model, write_unchecked

from asda.checkpoint.load import read_model
from asda.features.fbank import Fbank
from asda.features.fbank_config import FbankConfig
from asda.features.matrix import Values, read
from asda.features.normalization import Normalization
from asda.model.heads import combined_windows
from asda.model.model_config import AttentionConfig, PatchConfig
from asda.model.pooling import pool

CODE = tempfile.TemporaryDirectory()  # removed when the tests end
os.environ |= {"HF_HUB_OFFLINE": "1", "HF_HOME": CODE.name, "HF_MODULES_CACHE": CODE.name}
transformers = pytest.importorskip("transformers", reason="needs transformers: asda[hf]")

FORMS = {
    "differential": {},
    "learned lambda": {
        "attention": AttentionConfig(learn_lambda=True, norm="head_rms", head_split="half")
    },
    "scheduled lambda": {
        "attention": AttentionConfig(lambda_init=None, output_scale=None, norm="none", bias=False)
    },
    "standard": {"attention": AttentionConfig(kind="standard")},
    "gated": {"attention": AttentionConfig(kind="gated")},
    "diff_v2": {"attention": AttentionConfig(kind="diff_v2")},
    "frames": {"patch": PatchConfig(4, 128, position_scale=0.25)},
    "overlapping": {"patch": PatchConfig(8, 32, time_stride=4, freq_stride=16)},
    "more MLP": {"mlp_ratio": 4.0},
}
HEADS = [{}, {"pooling": "cls"}, {"pooling": "statistics", "layers": "all"}]
HEADS += [{"pooling": "mean", "layers": "all"}, {"pooling": "statistics"}]


def load(kind, folder, **options):
    return getattr(transformers, kind).from_pretrained(folder, trust_remote_code=True, **options)


def classifier(folder, **options):
    return load("AutoModelForAudioClassification", folder, **options).eval()


def clips(*frames, config=None):
    config = config or FbankConfig()
    draw = np.random.default_rng(0)
    samples = [config.frame_length + (count - 1) * config.frame_shift for count in frames]
    return [draw.normal(0, 0.1, count).astype(np.float32) for count in samples]


def log_mel(saved, waveform):
    return Fbank(FbankConfig(**saved.fbank))(torch.from_numpy(waveform)).numpy()


def normalised(saved, waveform):
    norm = Normalization(**saved.normalization)
    features = Values(log_mel(saved, waveform))
    return torch.from_numpy(read(features, scale=norm.scale, offset=norm.offset))


@pytest.mark.parametrize("form", FORMS)
@torch.inference_mode()
def test_outputs_are_those_of_asda_bit_for_bit(form, tmp_path, monkeypatch):
    saved = saved_model(**FORMS[form])
    folder = write_unchecked(saved, tmp_path / "model", monkeypatch)
    fbank, num_frames = torch.randn(3, 90, 128), torch.tensor([90, 51, 16])
    mask = torch.arange(90) < num_frames[:, None]
    network, found = saved.build(), classifier(folder)
    assert torch.equal(found(fbank).logits, network(fbank))
    assert torch.equal(found(fbank, mask).logits, network(fbank, num_frames))
    output = load("AutoModel", folder).eval()(fbank, mask.long(), output_hidden_states=True)
    expected = network.encoder(fbank, num_frames)
    assert torch.equal(output.last_hidden_state, expected.tokens)
    assert torch.equal(output.token_mask, expected.valid)
    for layer, tokens in zip(
        network.encoder.layers(fbank, num_frames), output.hidden_states, strict=True
    ):
        assert torch.equal(tokens[:, 1:], layer.patches)
        cls = network.encoder.cls_token[0] if layer.cls is None else layer.cls
        assert torch.equal(tokens[:, 0], cls.expand(3, -1))


@pytest.mark.parametrize("head", HEADS)
@torch.inference_mode()
def test_every_pooling(head, tmp_path, monkeypatch):
    saved = saved_model(head=head)
    folder = write_unchecked(saved, tmp_path / "model", monkeypatch)
    fbank, num_frames = torch.randn(2, 90, 128), torch.tensor([90, 51])
    mask = torch.arange(90) < num_frames[:, None]
    network = saved.build()
    assert torch.equal(classifier(folder)(fbank, mask).logits, network(fbank, num_frames))
    output = load("AutoModel", folder).eval()(fbank, mask)
    assert torch.equal(output.pooler_output, network.embed(fbank, num_frames))


FBANKS = [
    {},
    {"window": "povey", "num_mel_bins": 80, "high_freq": 7600.0, "remove_mean": False},
    {"sample_rate": 22050, "window": "hamming", "preemphasis": 0.0, "low_freq": 0.0},
    {"sample_rate": 8000, "window": "rectangular", "frame_length_ms": 32, "frame_shift_ms": 16},
    {"num_mel_bins": 80, "window": "povey", "snip_edges": False},
]


@pytest.mark.parametrize("fbank", FBANKS)
def test_features_are_those_of_asda_bit_for_bit(fbank, tmp_path, monkeypatch):
    bins = fbank.get("num_mel_bins", 128)
    saved = saved_model(fbank=fbank, patch=PatchConfig(8, bins))
    folder = write_unchecked(saved, tmp_path / "model", monkeypatch)
    extractor = load("AutoFeatureExtractor", folder)
    sounds = clips(40, 25, config=FbankConfig(**saved.fbank))
    found = extractor(sounds, sampling_rate=extractor.sampling_rate, return_tensors="pt")
    both = [normalised(saved, sound) for sound in sounds]
    assert found.input_values.shape == (2, len(both[0]), bins)
    assert found.attention_mask.sum(1).tolist() == [len(expected) for expected in both]
    for values, expected in zip(found.input_values, both, strict=True):
        assert torch.equal(values[: len(expected)], expected)
        assert not values[len(expected) :].any()


def test_clips_are_filled_where_the_model_was_trained_so(tmp_path, monkeypatch):
    saved = saved_model(data={"padding": "fill"})
    extractor = load(
        "AutoFeatureExtractor", write_unchecked(saved, tmp_path / "model", monkeypatch)
    )
    sound = clips(30)[0]
    found = extractor(sound, sampling_rate=16000, return_tensors="pt")
    assert found.attention_mask.tolist() == [[1] * 96]
    filled = np.float32(Normalization(**saved.normalization).offset)
    assert torch.equal(found.input_values[0, :30], normalised(saved, sound))
    assert (found.input_values[0, 30:] == filled).all()


@pytest.mark.parametrize("wrong", [np.zeros((2, 800)), np.zeros(100), np.full(800, np.nan)])
def test_waveforms_that_cannot_be_used(wrong, tmp_path, monkeypatch):
    folder = write_unchecked(saved_model(), tmp_path / "model", monkeypatch)
    extractor = load("AutoFeatureExtractor", folder)
    with pytest.raises(ValueError, match=r"expected \(samples,\)|too short|not finite"):
        extractor([wrong] if wrong.ndim == 2 else wrong, sampling_rate=16000)
    with pytest.raises(ValueError, match="of 8000 Hz, but the model takes 16000 Hz"):
        extractor(np.ones(800), sampling_rate=8000)


@pytest.mark.parametrize("output", ["softmax", "sigmoid"])
@torch.inference_mode()
def test_the_pipeline_at_another_rate_and_in_batches(output, tmp_path, monkeypatch):
    torchaudio = pytest.importorskip("torchaudio")
    saved = saved_model(output=output)
    folder = write_unchecked(saved, tmp_path / "model", monkeypatch)
    tagger = transformers.pipeline("audio-classification", model=folder, trust_remote_code=True)
    sounds = [{"raw": sound, "sampling_rate": 22050} for sound in clips(80, 50)]
    # Only version 5 chooses the function by the problem type.
    options = {} if transformers.__version__ >= "5" else {"function_to_apply": output}
    found = tagger(sounds, top_k=None, batch_size=2, **options)
    network = saved.build()
    for tags, sound in zip(found, sounds, strict=True):
        wave = torchaudio.functional.resample(torch.from_numpy(sound["raw"]), 22050, 16000)
        logits = network(normalised(saved, wave.numpy())[None])[0]
        scores = logits.softmax(0) if output == "softmax" else logits.sigmoid()
        expected = dict(zip(LABELS, scores.tolist(), strict=True))
        assert {tag["label"]: tag["score"] for tag in tags} == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("long_clips", "output"), [("windows", "softmax"), ("start", "sigmoid")])
@torch.inference_mode()
def test_long_clips_are_classified_as_asda_does(long_clips, output, tmp_path, monkeypatch):
    saved = saved_model(output=output, data={"long_clips": long_clips})
    folder = write_unchecked(saved, tmp_path / "model", monkeypatch)
    inputs = load("AutoFeatureExtractor", folder)(clips(230, 60, 96), return_tensors="pt")
    outputs = classifier(folder)(**inputs).logits
    network = saved.build()
    for found, frames, values in zip(outputs, (230, 60, 96), inputs.input_values, strict=True):
        starts = [0, 96, 134] if frames == 230 and long_clips == "windows" else [0]
        windows = torch.stack([values[at : at + min(96, frames)] for at in starts])
        logits = network(windows)
        expected = combined_windows(logits, output) if len(starts) > 1 else logits[0]
        torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("kind", ["finetuned", "encoder"])
def test_asda_reads_the_folder_back_unchanged(kind, tmp_path, monkeypatch):
    saved = saved_model(kind, output="sigmoid", head={"pooling": "statistics"})
    folder = write_unchecked(saved, tmp_path / "model", monkeypatch)
    assert contents(read_model(folder)) == contents(saved)
    assert contents(read_model(folder / "model.safetensors")) == contents(saved)


@pytest.mark.parametrize("encoder", ["student", "teacher"])
@torch.inference_mode()
def test_an_encoder_of_a_pretrained_model(encoder, tmp_path, monkeypatch):
    saved = saved_model("pretrained")
    folder = write_unchecked(saved, tmp_path / "model", monkeypatch, encoder=encoder)
    fbank = torch.randn(2, 60, 128)
    *_, last = saved.build(encoder).layers(fbank)
    output = load("AutoModel", folder).eval()(fbank)
    assert torch.equal(output.pooler_output, pool(last, "mean"))
    assert read_model(folder).facts["encoder"] == encoder
    assert f"It is the {encoder} of" in (folder / "README.md").read_text()


def test_training_on_an_encoder_and_back_to_asda(tmp_path, monkeypatch):
    saved = saved_model("encoder")
    folder = write_unchecked(saved, tmp_path / "model", monkeypatch)
    labels = {"id2label": {0: "a", 1: "b", 2: "c"}, "label2id": {"a": 0, "b": 1, "c": 2}}
    problem = {"problem_type": "multi_label_classification"}
    model = load("AutoModelForAudioClassification", folder, **labels, **problem)
    fbank, targets = torch.randn(4, 64, 128), torch.eye(4, 3)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    losses = []
    for _ in range(5):
        losses.append(model(fbank, labels=targets).loss)
        optimizer.zero_grad()
        losses[-1].backward()
        optimizer.step()
    assert all(parameter.grad is not None for parameter in model.parameters())
    assert losses[-1] < losses[0]
    model.save_pretrained(tmp_path / "trained")
    read = read_model(tmp_path / "trained")
    assert (read.kind, read.output, read.labels) == ("finetuned", "sigmoid", ["a", "b", "c"])
    with torch.inference_mode():
        assert torch.equal(read.build()(fbank), model.eval()(fbank).logits)


@torch.inference_mode()
def test_saving_and_loading_by_transformers(tmp_path, monkeypatch):
    folder = write_unchecked(saved_model(), tmp_path / "model", monkeypatch)
    model, extractor = classifier(folder), load("AutoFeatureExtractor", folder)
    model.save_pretrained(tmp_path / "again")
    extractor.save_pretrained(tmp_path / "again")
    inputs = load("AutoFeatureExtractor", tmp_path / "again")(clips(70, 50), return_tensors="pt")
    for name, values in extractor(clips(70, 50), return_tensors="pt").items():
        assert torch.equal(inputs[name], values)
    assert torch.equal(classifier(tmp_path / "again")(**inputs).logits, model(**inputs).logits)
    assert model.config.num_labels == 5
    loss = model(**inputs, labels=torch.tensor([1, 4])).loss
    expected = torch.nn.functional.cross_entropy(model(**inputs).logits, torch.tensor([1, 4]))
    assert torch.equal(loss, expected)
    assert torch.equal(model(**inputs, return_dict=False)[0], model(**inputs).logits)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@torch.inference_mode()
def test_half_precision(dtype, tmp_path, monkeypatch):
    folder = write_unchecked(saved_model(), tmp_path / "model", monkeypatch)
    inputs = load("AutoFeatureExtractor", folder)(clips(70, 50), return_tensors="pt")
    half = classifier(folder, dtype=dtype)(**inputs).logits
    assert half.dtype == dtype
    torch.testing.assert_close(half.float(), classifier(folder)(**inputs).logits, atol=0.05, rtol=0)


def test_examples_of_the_card_run(tmp_path, monkeypatch, capsys):
    folder = write_unchecked(saved_model(), tmp_path / "model", monkeypatch, licence="cc-by-4.0")
    card = (folder / "README.md").read_text()
    monkeypatch.chdir(folder)
    for block in re.findall(r"```python\n(.*?)```", card, re.DOTALL):
        exec(block, {})
    assert "torch.Size([2, 48])" in capsys.readouterr().out
    assert card.startswith("---\nlicense: cc-by-4.0\nlibrary_name: transformers\n")
    assert "pipeline_tag: audio-classification" in card


def test_the_card_gives_results_beside_the_model(tmp_path, monkeypatch):
    result = {
        "metrics": {"mAP": {"value": 0.5, "low": 0.4, "high": 0.6}, "AUC": {"value": None}},
        "metric_info": {
            "mAP": {"title": "mAP %", "factor": 100, "digits": 1},
            "AUC": {"title": "AUC", "factor": 1, "digits": 3},
        },
        "interval": {"level": 0.95, "unit": "clip"},
        "clips": {"found": 30},
        "provenance": {"data": "data/test"},
    }
    (tmp_path / "score").mkdir()
    (tmp_path / "score/result.json").write_text(json.dumps(result))
    saved = saved_model()
    saved.path = str(tmp_path / "model.pt")
    card = (write_unchecked(saved, tmp_path / "out", monkeypatch) / "README.md").read_text()
    assert "| mAP % | 50.0 (40.0 to 60.0) |\n| AUC | not defined |" in card
    assert "on 30 clips of `data/test`, with intervals of 95 % by bootstrap over clips" in card
