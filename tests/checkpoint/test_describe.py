"""The summary of a model file."""

import torch
from checkpoint.reference_files import finetuned
from training.runs import run_finetune

import asda
from asda.checkpoint.describe import describe, features
from asda.checkpoint.load import read_model
from asda.configuration import to_dict
from asda.features.fbank_config import FbankConfig


def test_features_of_a_checkpoint_of_the_reference(tmp_path):
    torch.save(finetuned(), tmp_path / "theirs.pt")
    lines = describe(read_model(tmp_path / "theirs.pt"))
    assert lines["features"] == (
        "16000 Hz, 128 mel bins from 20 to 8000 Hz, hanning windows of 25 ms every 10 ms,"
        " preemphasis 0.97, mean of the clip removed, resampled by torchaudio"
    )


def test_features_of_a_recipe():
    fbank = to_dict(FbankConfig(sample_rate=8000, num_mel_bins=40))
    assert features(fbank) == (
        "8000 Hz, 40 mel bins from 20 to 4000 Hz, hanning windows of 25 ms every 10 ms,"
        " preemphasis 0.97, mean of the clip removed, resampled by soxr"
    )
    assert features({}) == "not recorded"


def test_a_loaded_classifier_names_its_outputs(data, tmp_path, no_images):
    run_finetune(data, tmp_path / "run", training__updates=1)
    saved = read_model(tmp_path / "run/model.pt")
    model = asda.load(tmp_path / "run/model.pt")
    assert model.labels == ["a", "b"]
    assert vars(model.normalization) == saved.normalization
    saved.labels = [f"class{number}" for number in range(9)]
    shown = describe(saved)["labels"]
    assert shown.startswith("9: class0, class1, ") and "asda.load(FILE).labels" in shown
