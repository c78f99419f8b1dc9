"""Embeddings, labels and transcriptions of audio from a GPU are those of the CPU."""

import pytest
import torch
from inference.model_files import RATE, noise, write_model
from inference.recognisers import spoken, write_recogniser

import asda

pytestmark = pytest.mark.gpu

SECONDS = (1, 5, 1.7, 0.3, 2.0)  # the longest input of the model is 2 s


@pytest.fixture
def pair(tmp_path, gpu):
    """A classifier on the CPU and on the GPU."""
    path = write_model(tmp_path / "model.pt", data={"padding": "mask"})
    return asda.load(path, "cpu"), asda.load(path, str(gpu))


def test_embeddings_and_labels(pair):
    clips = [noise(seconds, seed) for seed, seconds in enumerate(SECONDS)]
    expected, found = (model.embed(clips, RATE) for model in pair)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    expected, found = (model.tag(clips, RATE, top=3) for model in pair)
    for one, other in zip(found, expected, strict=True):
        assert [tag.label for tag in one] == [tag.label for tag in other]
        assert [t.score for t in one] == pytest.approx([t.score for t in other], abs=1e-4)


def test_frame_embeddings(pair):
    clips = [noise(seconds, seed) for seed, seconds in enumerate(SECONDS)]
    expected, found = (model.frames(clips, RATE) for model in pair)
    assert torch.equal(found.mask, expected.mask)
    torch.testing.assert_close(found.features, expected.features, rtol=1e-4, atol=1e-4)


def test_gradients_of_what_is_trained_on_top(pair):
    waveforms = torch.from_numpy(noise(2)).repeat(2, 1)
    gradients = []
    for model in pair:
        features, mask = model(waveforms, torch.tensor([32000, 16000]))
        features[mask].square().sum().backward()
        gradients.append(model.network.encoder.cls_token.grad.cpu())
    torch.testing.assert_close(*gradients, rtol=1e-3, atol=1e-4)


def test_transcriptions(tmp_path, gpu):
    path = tmp_path / "recogniser.pt"
    write_recogniser(path)
    samples = spoken(["low", "high", "mid"])[0]
    expected, found = (
        asda.load(path, device).transcribe(samples, RATE) for device in ("cpu", str(gpu))
    )
    assert found.text == expected.text != ""
