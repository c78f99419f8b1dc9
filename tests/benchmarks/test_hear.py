"""The interface of HEAR; with tests/environments/hear.sh, also its own validator."""

import runpy
import sys

import pytest
import torch
from inference.model_files import RATE, noise, write_model

from asda import hear
from asda.files import InputError
from asda.model.model_config import PatchConfig


@pytest.fixture(params=[(16, 16), (4, 128), (8, 32, 4)], ids=str)
def path(request, tmp_path):
    return write_model(tmp_path / "encoder.pt", "encoder", patch=PatchConfig(*request.param))


def batch(seconds, clips=2):
    return torch.stack([torch.from_numpy(noise(seconds, seed)) for seed in range(clips)])


def test_embeddings_are_those_of_the_model(path):
    model = hear.load_model(str(path), pooling="cls")
    audio = batch(1.98)
    scenes = hear.get_scene_embeddings(audio, model)
    expected = model.model.embed(list(audio), RATE, pooling="cls")
    torch.testing.assert_close(scenes, expected)
    assert scenes.shape == (2, model.scene_embedding_size) and scenes.dtype == torch.float32
    embeddings, timestamps = hear.get_timestamp_embeddings(audio, model)
    frames = model.model.frames(list(audio), RATE)
    count = embeddings.shape[1]
    torch.testing.assert_close(embeddings, frames.features[:, :count])
    torch.testing.assert_close(timestamps, 1000 * frames.times[:count].expand(2, -1))
    assert embeddings.shape[2] == model.timestamp_embedding_size


@pytest.mark.parametrize("seconds", [0.01, 0.08, 1.07, 1.98, 4.0, 9.13])
def test_timestamps_are_even_and_end_before_the_audio(path, seconds):
    model = hear.load_model(str(path))
    embeddings, timestamps = hear.get_timestamp_embeddings(batch(seconds), model)
    assert embeddings.shape[:2] == timestamps.shape and embeddings.shape[1] >= 1
    assert timestamps.max() <= 1000 * seconds + 1e-3
    gaps = timestamps.diff()
    assert (gaps - 1000 * model.hop).abs().max() < 0.1 if len(gaps[0]) else True
    # Another vector would lie behind the end, or there are no samples left for its frame.
    frame_and_hop = 1000 * model.hop + model.model.saved.config.patch.time * 10 + 15
    assert timestamps.max() + frame_and_hop > 1000 * seconds


def test_an_event_is_found_at_its_time(tmp_path):
    """The vectors that differ between audio with and without a click are those around it."""
    path = write_model(tmp_path / "encoder.pt", "encoder", patch=PatchConfig(4, 128))
    model = hear.load_model(str(path), layers=0)  # in which each patch sees only itself
    audio = batch(1.5, clips=1)
    clicked = audio.clone()
    clicked[0, RATE : RATE + 16] = 0.9  # a millisecond, one second into the clip
    without, times = hear.get_timestamp_embeddings(audio, model)
    with_click, _ = hear.get_timestamp_embeddings(clicked, model)
    change = (with_click - without).abs().sum(dim=2)[0]
    assert abs(times[0, change.argmax()] - 1000) <= 40 / 2 + 25


def test_a_model_must_be_given():
    with pytest.raises(InputError, match="give one"):
        hear.load_model()


def test_the_validator_of_hear_finds_no_error(path, monkeypatch, capsys):
    pytest.importorskip("hearvalidator", reason="installed by tests/environments/hear.sh")
    arguments = ["hear-validator", "asda.hear", "--model", str(path), "--device", "cpu"]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.warns(UserWarning):
        runpy.run_module("hearvalidator.validate", run_name="__main__")
    assert capsys.readouterr().out.endswith("Looks good!\n")


@pytest.mark.parametrize("audio", [torch.zeros(RATE), torch.zeros(2, 1, RATE), [0.0] * RATE])
@pytest.mark.parametrize("given", [hear.get_scene_embeddings, hear.get_timestamp_embeddings])
def test_audio_of_another_shape_is_refused(tmp_path, audio, given):
    model = hear.load_model(str(write_model(tmp_path / "encoder.pt", head={})))
    with pytest.raises(InputError, match=r"HEAR gives a torch tensor \(clips, samples\)"):
        given(audio, model)
