"""The summary of a model file."""

import torch
from checkpoint.reference_files import finetuned

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
