"""Models as benchmarks call them."""

import pytest
import torch
from inference.model_files import RATE, noise, write_model

from asda.benchmarks.benchmark_model import BenchmarkModel
from asda.files import InputError


@pytest.fixture
def encoder(tmp_path):
    return write_model(tmp_path / "encoder.pt", "encoder")


def clip(seconds, seed=0, rate=RATE):
    return torch.from_numpy(noise(seconds, seed, rate)), rate


def test_vectors_are_those_of_the_model_and_as_wide_as_stated(encoder):
    options = {"layers": [1, 2], "pooling": "statistics", "frequency": "concatenate"}
    model = BenchmarkModel(encoder, **options)
    clips = [clip(1.2), clip(0.7, 1, 44100)]
    vectors, frames = model.embed(clips), model.frames(clips)
    expected = model.model.embed(clips, pooling="statistics", layers=[1, 2])
    torch.testing.assert_close(vectors, expected)
    width, rows = model.model.saved.config.width, 8  # of 128 mel bins in patches of 16
    assert vectors.shape == (2, model.scene_embedding_size) == (2, 2 * 2 * width)
    assert frames.features.shape[-1] == model.timestamp_embedding_size == 2 * rows * width
    assert model.hop == pytest.approx(0.16)


def test_clips_shorter_than_a_frame_are_filled_up_with_zeros(encoder):
    model = BenchmarkModel(encoder)
    short = torch.full((10,), 0.5)
    filled = torch.nn.functional.pad(short, (0, 390))  # to 25 ms
    torch.testing.assert_close(model.embed([(short, RATE)]), model.embed([(filled, RATE)]))
    for rate in (8000, 44100):
        assert model.frames([(torch.zeros(0), rate)]).features.shape[:2] == (1, 1)


def test_the_digest_changes_with_model_and_options(encoder, tmp_path):
    other = write_model(tmp_path / "other.pt", "encoder", data={"max_frames": 100})
    models = [
        BenchmarkModel(encoder),
        BenchmarkModel(encoder, layers={"0": 0.5, "1": 0.5}),  # JSON has strings as keys
        BenchmarkModel(other),
    ]
    assert len({model.digest for model in models}) == 3
    assert BenchmarkModel(encoder, layers={0: 0.5, 1: 0.5}).digest == models[1].digest


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"poolin": "cls"}, "no key 'poolin', did you mean pooling?"),
        ({"pooling": "max"}, "pooling"),
        ({"layers": 7}, "no layer 7"),
    ],
    ids=str,
)
def test_wrong_options_are_refused(encoder, options, message):
    with pytest.raises(InputError, match=message):
        BenchmarkModel(encoder, **options)
