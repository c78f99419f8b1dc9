"""The cache of embeddings."""

import numpy as np
import pytest
import torch
from dataset.directories import with_audio
from inference.model_files import write_model

import asda
from asda.corpus.datadir import DataDir
from asda.features.extract import extract_log_mel
from asda.files import InputError
from asda.inference.audio_model import AudioModel
from asda.probing.clip_embeddings import Contents
from asda.probing.embedding_cache import EmbeddingCache, encoder_digest

SECONDS = {"u0": 1.0, "u1": 0.4, "u2": 5.0}  # the longest input is 2 s
ALL = Contents((0, 1, 2), True)


@pytest.fixture(params=["mask", "fill"])
def model(request, tmp_path):
    return asda.load(
        write_model(tmp_path / "model.pt", "encoder", data={"padding": request.param}), "cpu"
    )


@pytest.fixture
def data(tmp_path):
    return DataDir(with_audio(tmp_path / "data", SECONDS))


def cache_of(tmp_path, model, limit=1e9):
    return EmbeddingCache(tmp_path / "cache", model, limit)


@pytest.fixture
def no_pass(monkeypatch):
    """Return a function after whose call no audio may be computed."""

    def refuse(*arguments, **options):
        raise AssertionError("computed again")

    return lambda: monkeypatch.setattr(AudioModel, "run", refuse)


def test_vectors_are_those_of_the_model(tmp_path, model, data):
    found = cache_of(tmp_path, model).get(data, ALL)
    assert found.utterances == list(SECONDS)
    rows = np.array([2, 0])
    for pooling in ("cls", "mean", "statistics"):
        embedded = model.embed(str(data.path), pooling=pooling, layers=[1, -1])
        expected = np.stack([embedded[f"u{row}"].numpy() for row in rows])
        vectors = found.vectors(rows, [1, 2], pooling)
        width = expected.shape[1] // 2
        np.testing.assert_allclose(vectors[:, :width], expected[:, :width], atol=1e-5)
        np.testing.assert_allclose(vectors[:, width:], expected[:, width:], atol=1e-5)


def test_tokens_are_those_of_the_encoder_without_padding(tmp_path, data):
    model = asda.load(write_model(tmp_path / "model.pt", "encoder"), "cpu")
    found = cache_of(tmp_path, model).get(data, ALL)
    batch = found.batch(np.array([1, 0]), [0, 2], torch.device("cpu"))
    assert batch.valid.sum(dim=1).tolist() == found.lengths[[1, 0]].tolist() == [3 * 8, 7 * 8]
    log_mel = extract_log_mel(str(data.path / "u1.wav"), model.fbank)
    with torch.no_grad():
        layers = list(model.network.layers(torch.from_numpy(model.normalization(log_mel))[None]))
    for place, number in enumerate((0, 2)):
        tokens = batch.patches[0, batch.valid[0], place]
        torch.testing.assert_close(tokens, layers[number].patches[0], atol=2e-3, rtol=1e-3)
        assert (batch.patches[0, ~batch.valid[0]] == 0).all()
    torch.testing.assert_close(batch.cls[0, 1], layers[2].cls[0], atol=1e-5, rtol=0)
    assert (batch.cls[:, 0] == 0).all()


def test_a_second_call_computes_nothing(tmp_path, model, data, no_pass):
    first = cache_of(tmp_path, model).get(data, ALL)
    no_pass()
    for contents in (ALL, Contents((2,), False), Contents((1, 2), True)):
        second = cache_of(tmp_path, model).get(data, contents)
        np.testing.assert_array_equal(second.pooled, first.pooled)
    with pytest.raises(AssertionError, match="computed again"):
        (data.path / "u0.wav").touch()
        cache_of(tmp_path, model).get(data, ALL)


def test_other_weights_and_other_settings_have_other_embeddings(tmp_path, model):
    digests = {encoder_digest(model)}
    with torch.no_grad():
        next(model.network.parameters()).view(-1)[0] += 1e-3
    digests.add(encoder_digest(model))
    model.precision = "bf16"
    digests.add(encoder_digest(model))
    model.saved.normalization = {"mean": -5.0, "std": 3.0}
    digests.add(encoder_digest(model))
    assert len(digests) == 4


def test_a_pass_that_fails_leaves_nothing(tmp_path, model, data, monkeypatch):
    def broken(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", broken)
    with pytest.raises(OSError, match="No space left") as raised:
        cache_of(tmp_path, model).get(data, ALL)
    assert raised.value.filename.startswith(str(tmp_path / "cache"))
    assert list((tmp_path / "cache").iterdir()) == []


def test_embeddings_above_the_limit_are_refused(tmp_path, model, data):
    with pytest.raises(InputError, match=r"3 clips would take .* more than --cache-limit 1e-05 GB"):
        cache_of(tmp_path, model, 1e4).get(data, ALL)
    assert list((tmp_path / "cache").iterdir()) == []
    cache_of(tmp_path, model, 1e4).get(data, Contents((2,), False))


def test_a_directory_without_usable_audio_is_refused(tmp_path, model, data):
    for path in data.path.glob("*.wav"):
        path.write_bytes(b"")
    with pytest.raises(InputError, match="the audio of none of its 3 clips can be used; 'u0': "):
        cache_of(tmp_path, model).get(data, ALL)


@pytest.mark.parametrize("name", ["meta.json", "pooled.npy", "lengths.npy", "tokens.bin"])
def test_damaged_embeddings_are_named_with_a_remedy(tmp_path, data, name):
    cache = cache_of(tmp_path, asda.load(write_model(tmp_path / "model.pt", head={}), "cpu"))
    cache.get(data, ALL)
    (path,) = (tmp_path / "cache").glob(f"*/{name}")
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(InputError, match="damaged embeddings; remove this folder and repeat"):
        cache.get(data, ALL)
