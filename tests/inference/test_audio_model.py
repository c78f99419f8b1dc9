"""Models that take audio."""

import dataclasses
import itertools

import numpy as np
import pytest
import soundfile
import torch
from dataset.directories import with_audio
from inference.model_files import LABELS, RATE, noise, write_model

import asda
from asda.audio.audio_error import AudioError
from asda.audio.wav_scp import AudioSegment
from asda.checkpoint import tensor_files
from asda.cli import main
from asda.features.extract import extract_log_mel
from asda.files import InputError
from asda.inference.computations import class_outputs
from asda.inference.loading import sharing_encoders
from asda.model.model_config import PatchConfig


@pytest.fixture(params=["mask", "fill"])
def model(request, tmp_path):
    return asda.load(write_model(tmp_path / "model.pt", data={"padding": request.param}), "cpu")


@pytest.fixture
def encoder(tmp_path):
    return asda.load(write_model(tmp_path / "encoder.pt", "encoder"), "cpu")


@pytest.mark.parametrize("patch", [(16, 16), (4, 128), (8, 32, 4)], ids=str)
@pytest.mark.parametrize("padding", ["mask", "fill"])
def test_results_do_not_depend_on_the_company(tmp_path, patch, padding):
    path = write_model(tmp_path / "model.pt", data={"padding": padding}, patch=PatchConfig(*patch))
    model = asda.load(path, "cpu")
    clips = [noise(seconds, seed) for seed, seconds in enumerate((1, 5, 1.7, 0.3, 2.0))]
    alone = [(model.embed(c, RATE), model.tag(c, RATE), model.frames(c, RATE)) for c in clips]
    for batch_size in (1, 2, 8):
        vectors = model.embed(clips, RATE, batch_size=batch_size)
        tags = model.tag(clips, RATE, batch_size=batch_size)
        frames = model.frames(clips, RATE, batch_size=batch_size)
        for row, (vector, tagged, over_time) in enumerate(alone):
            torch.testing.assert_close(vectors[row], vector, atol=1e-5, rtol=0)
            assert [t.label for t in tags[row]] == [t.label for t in tagged]
            np.testing.assert_allclose(
                [t.score for t in tags[row]], [t.score for t in tagged], atol=1e-5
            )
            assert frames.mask[row].sum() == len(over_time.features)
            torch.testing.assert_close(
                frames.features[row][frames.mask[row]], over_time.features, atol=1e-5, rtol=0
            )


def test_all_forms_of_audio_give_the_same(model, tmp_path):
    waveform = noise(2.5)
    path = tmp_path / "a.wav"
    soundfile.write(path, waveform, RATE, subtype="FLOAT")
    expected = model.embed(waveform, RATE)
    for audio in (str(path), path, torch.from_numpy(waveform), (waveform, RATE), f"cat {path} |"):
        torch.testing.assert_close(model.embed(audio, RATE), expected, atol=1e-5, rtol=0)
    both = model.embed([path, (waveform, RATE)])
    torch.testing.assert_close(both, torch.stack([expected, expected]), atol=1e-5, rtol=0)
    part = model.embed(waveform[RATE : 2 * RATE], RATE)
    for audio in ((path, 1.0, 2.0), AudioSegment(str(path), 1.0, 2.0)):
        torch.testing.assert_close(model.embed(audio), part, atol=1e-5, rtol=0)


def test_a_data_directory_gives_results_by_utterance(model, tmp_path):
    folder = with_audio(tmp_path / "data", {"u1": 1.0, "u0": 2.5})
    found = model.embed(folder)
    assert list(found) == ["u0", "u1"]
    alone = model.embed(str(folder / "u1.wav"))
    torch.testing.assert_close(found["u1"], alone, atol=1e-5, rtol=0)
    assert {len(tags) for tags in model.tag(folder, top=2).values()} == {2}
    assert set(model.frames(folder)) == {"u0", "u1"}


def test_scores_are_those_of_asda_score(model, tmp_path):
    folder = with_audio(tmp_path / "data", {"u0": 1.0, "u1": 4.7, "u2": 2.0})
    (folder / "utt2label").write_text("u0 a\nu1 b\nu2 c\n")
    (folder / "labels.txt").write_text("a\nb\nc\n")
    fbank = tmp_path / "fbank.yaml"
    fbank.write_text("")
    options = {"model": model.saved.path, "data": folder, "out": tmp_path / "score", "fbank": fbank}
    main(["score", *(f"--{key}={value}" for key, value in options.items()), "--device=cpu"])
    scores = np.exp(np.load(tmp_path / "score/scores.npz")["scores"])
    for row, tags in enumerate(model.tag(folder, top=None).values()):
        found = [tag.score for tag in sorted(tags, key=lambda tag: tag.index)]
        np.testing.assert_allclose(found, scores[row], atol=1e-5)


def test_layers_and_pooling(encoder, tmp_path):
    path = str(tmp_path / "a.wav")
    soundfile.write(path, noise(1.5), RATE, subtype="FLOAT")
    log_mel = extract_log_mel(path, encoder.fbank)
    features = torch.from_numpy(encoder.normalization(log_mel))[None]
    with torch.no_grad():
        layers = list(encoder.network.layers(features))
        tokens = encoder.network(features).tokens[0]
    embed = encoder.embed
    torch.testing.assert_close(embed(path), tokens[1:].mean(0))
    torch.testing.assert_close(embed(path, pooling="cls"), tokens[0])
    std = tokens[1:].std(0, correction=0)
    torch.testing.assert_close(embed(path, pooling="statistics")[48:], std, atol=1e-4, rtol=1e-3)
    means = [layer.patches[0].mean(0) for layer in layers]
    torch.testing.assert_close(embed(path, layers=0), means[0])
    torch.testing.assert_close(embed(path, layers=[1, -1]), torch.cat([means[1], means[2]]))
    mixed = embed(path, layers={0: 0.25, 1: 0.5})
    torch.testing.assert_close(mixed, 0.25 * means[0] + 0.5 * means[1])
    grid = tokens[1:].unflatten(0, (-1, 8))
    torch.testing.assert_close(encoder.frames(path).features, grid.mean(1))
    found = encoder.frames(path, frequency="concatenate").features
    torch.testing.assert_close(found, grid.flatten(1))


def test_times_are_the_centres_of_patches(encoder):
    """A click moves only the vectors around it, most of all that of its own time."""
    quiet = noise(1.9) * 0.01
    click = quiet.copy()
    times = encoder.frames(quiet, RATE).times
    assert times[0] == pytest.approx((15 * 160 + 400) / 2 / RATE)
    assert times[1] - times[0] == pytest.approx(0.16)
    click[round(float(times[5]) * RATE)] = 1.0
    before, after = (encoder.frames(x, RATE, layers=0).features for x in (quiet, click))
    assert (after - before).norm(dim=1).argmax() == 5


def test_frames_of_long_clips_agree_with_one_window_where_it_hardly_matters(tmp_path):
    """Where windows meet, both have an eighth of a window as context."""
    short = asda.load(
        write_model(tmp_path / "short.pt", "encoder", data={"max_frames": 128}), "cpu"
    )
    clip = noise(6.0)
    found = short.frames(clip, RATE, layers=0)
    with torch.no_grad():
        features, mask = short(torch.from_numpy(clip)[None])
    whole = short.frames(clip, RATE).features
    assert len(found.features) == len(whole) == features.shape[1] == mask.sum()
    hop = 112
    starts = [*range(0, 598 - 128, hop), -(-(598 - 128) // 16) * 16]
    borders = [(b + a + 128) // 2 // 16 for a, b in itertools.pairwise(starts)]
    first = short.frames(clip[: 127 * 160 + 400], RATE).features[: borders[0]]
    torch.testing.assert_close(whole[: borders[0]], first, atol=1e-5, rtol=0)


def test_calling_the_model_gives_gradients(encoder):
    clips = [noise(1.0), noise(1.9, seed=1)]
    lengths = torch.tensor([len(clip) for clip in clips])
    padded = torch.nn.utils.rnn.pad_sequence(
        [torch.from_numpy(clip) for clip in clips], batch_first=True
    )
    features, mask = encoder(padded, lengths)
    expected = encoder.frames(clips, RATE)
    assert torch.equal(mask, expected.mask)
    torch.testing.assert_close(features.detach(), expected.features, atol=1e-5, rtol=0)
    features[mask].square().sum().backward()
    assert all(p.grad is not None for p in encoder.network.blocks.parameters())


@pytest.mark.parametrize("padding", ["mask", "fill"])
def test_calling_the_model_does_not_depend_on_the_company(tmp_path, padding):
    """Here a clip longer than the longest input of the model lies beside short ones."""
    model = asda.load(write_model(tmp_path / "model.pt", data={"padding": padding}), "cpu")
    clips = [torch.from_numpy(noise(seconds, seed)) for seed, seconds in enumerate((1, 5, 1.7))]
    padded = torch.nn.utils.rnn.pad_sequence(clips, batch_first=True)
    features, mask = model(padded, torch.tensor([len(clip) for clip in clips]))
    for row, clip in enumerate(clips):
        (alone,), _ = model(clip[None])
        torch.testing.assert_close(features[row][mask[row]], alone, atol=1e-5, rtol=0)


def test_a_bad_file_does_not_stop_the_others(model, tmp_path):
    soundfile.write(tmp_path / "a.wav", noise(1.0), RATE)
    (tmp_path / "b.wav").write_text("no audio")
    soundfile.write(tmp_path / "c.wav", np.zeros(RATE), RATE)
    soundfile.write(tmp_path / "d.wav", noise(5.0), RATE)
    sources = [AudioSegment(str(tmp_path / f"{name}.wav")) for name in "abcd"]
    windows = list(model.run(sources, class_outputs([model.network])))
    assert [w.number for w in windows] == [0, 1, 2, 3, 3, 3]
    assert [w.last for w in windows] == [True, True, True, False, False, True]
    assert "not audio but text" in str(windows[1].error) and "silent" in str(windows[2].error)
    assert [(w.start, w.end) for w in windows[3:]] == [(0, 2), (2, 4), (pytest.approx(2.98), 5)]
    with pytest.raises(AudioError, match=r"not audio but text: .*b\.wav$"):
        model.embed([str(tmp_path / f"{name}.wav") for name in "ab"])


def test_windows_overlap_by_the_hop(model):
    clip = noise(3.05)
    compute = class_outputs([model.network])
    found = list(model.run([model_source(clip)], compute, window=1.0, hop=0.5))
    assert [w.start for w in found] == pytest.approx([0, 0.5, 1.0, 1.5, 2.0, 2.03])
    (alone,) = model.run([model_source(clip[: 99 * 160 + 400])], compute, window=1.0)
    torch.testing.assert_close(found[0].output, alone.output, atol=1e-5, rtol=0)
    refused = (
        (3.0, None, "takes 0.16 to 2 s"),
        (1.0, 2.0, "at most the window"),
        (float("nan"), None, "windows of nan s; give a finite number"),
        (1.0, float("inf"), "a hop of inf s; give a finite number"),
    )
    for window, hop, said in refused:
        with pytest.raises(InputError, match=said):
            list(model.run([model_source(clip)], compute, window=window, hop=hop))


def model_source(clip):
    from asda.inference.audio_input import Waveform

    return Waveform(clip, RATE)


def test_bf16_is_near(tmp_path):
    path = write_model(tmp_path / "model.pt")
    exact, rough = (asda.load(path, "cpu", precision) for precision in ("float32", "bf16"))
    one, other = (model.embed(noise(1.5), RATE) for model in (exact, rough))
    assert other.dtype == torch.float32 and not torch.equal(one, other)
    torch.testing.assert_close(other, one, atol=0.05, rtol=0.05)


def test_classifiers_of_one_encoder_share_its_pass(tmp_path):
    paths = [write_model(tmp_path / f"{n}.pt") for n in range(2)]
    paths.append(write_model(tmp_path / "s.pt", head={"pooling": "statistics", "layers": "all"}))
    paths.append(write_model(tmp_path / "other.pt", patch=PatchConfig(4, 128)))
    models = [asda.load(path, "cpu") for path in paths]
    groups = sharing_encoders(models)
    assert groups == [models[:3], models[3:]]
    calls = []
    models[0].network.encoder.register_forward_hook(lambda *_: calls.append(1))
    compute = class_outputs([model.network for model in groups[0]])
    (window,) = models[0].run([model_source(noise(1.5))], compute)
    alone = [model.tag(noise(1.5), RATE, top=None) for model in models[:3]]
    expected = [tag.score for tags in alone for tag in sorted(tags, key=lambda tag: tag.index)]
    found = window.output.unflatten(0, (3, 3)).softmax(-1).flatten()
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("audio", "said"),
    [
        (noise(1.0), "without its sample rate"),
        (np.zeros((2, 100), np.float32), "shape \\(2, 100\\)"),
        ((np.zeros(100, np.int16), RATE), "int16"),
        ((torch.zeros(100, dtype=torch.int16), RATE), "int16"),
        (7, "type int"),
        ([], "the list is empty"),
        ((noise(1.0), 0), "a sample rate of 0; give a whole number of Hz"),
        ((noise(1.0), -8000), "a sample rate of -8000"),
        ((noise(1.0), 16000.5), "a sample rate of 16000.5"),
        ((noise(1.0), float("nan")), "a sample rate of nan"),
        ((noise(1.0), "16000"), "a sample rate of '16000'"),
        (("a.wav", "b.wav"), "a.wav: give a stretch .* several files as a list"),
        (("a.wav", "b.wav", "c.wav"), "a.wav: give a stretch"),
        (("a.wav", 0.5, "1.0"), "a.wav: give a stretch"),
        (("a.wav", 0.5, 1.0, 2.0), "a.wav: give a stretch"),
    ],
)
def test_wrong_audio_is_refused_in_one_line(model, audio, said):
    with pytest.raises(InputError, match=said):
        model.embed(audio)


@pytest.mark.parametrize(
    ("method", "options", "said"),
    [
        ("embed", {"pooling": "max"}, "pooling 'max'; give one of cls, mean, statistics"),
        ("embed", {"pooling": "cls", "layers": 0}, "has no CLS token"),
        ("embed", {"pooling": "cls", "layers": [-3, 1]}, "has no CLS token"),
        ("embed", {"layers": 1.5}, "no layer 1.5"),
        ("embed", {"layers": "1"}, "no layer 1"),
        ("embed", {"layers": {0: float("nan")}, "pooling": "mean"}, "a weight of nan"),
        ("frames", {"frequency": "max"}, "frequency 'max'; give one of mean, concatenate"),
        ("tag", {"top": 0}, "top 0; give a number of labels from 1"),
        ("tag", {"top": -1}, "top -1"),
        ("tag", {"top": "3"}, "top '3'"),
    ],
)
def test_wrong_arguments_are_refused_in_one_line(model, method, options, said):
    with pytest.raises(InputError, match=said):
        getattr(model, method)(noise(1.0), RATE, **options)


def test_numbers_of_numpy_are_layers(model):
    expected = model.embed(noise(1.0), RATE, layers=1)
    found = model.embed(noise(1.0), RATE, layers=np.int64(1))
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize(
    ("shape", "lengths", "said"),
    [
        ((16000,), None, "shape \\(16000,\\); give a batch"),
        ((1, 1, 16000), None, "shape \\(1, 1, 16000\\)"),
        ((0, 16000), None, "shape \\(0, 16000\\)"),
        ((2, 16000), [16000], "lengths must be 2 numbers of samples, at most 16000"),
        ((2, 16000), [16000, 16001], "at most 16000"),
        ((2, 16000), [0.5, 1.0], "at most 16000"),
    ],
)
def test_calling_the_model_refuses_what_is_no_batch(model, shape, lengths, said):
    with pytest.raises(InputError, match=said):
        model(torch.zeros(shape), None if lengths is None else torch.tensor(lengths))


def test_calling_the_model_refuses_whole_numbers(model):
    with pytest.raises(InputError, match="int16; give floating-point"):
        model(torch.zeros(1, 16000, dtype=torch.int16))


def test_an_encoder_cannot_tag(encoder):
    with pytest.raises(InputError, match="asda finetune --init"):
        encoder.tag(noise(1.0), RATE)
    for layers in (3, -4, []):
        with pytest.raises(InputError, match="layer"):
            encoder.embed(noise(1.0), RATE, layers=layers)
    for pooling, layers in (("max", -1), ("cls", [0, -1])):
        with pytest.raises(InputError, match=r"pooling 'max'|has no CLS token"):
            encoder.embed(noise(1.0), RATE, pooling=pooling, layers=layers)


def test_unknown_features_are_refused_when_audio_is_read(tmp_path):
    model = asda.load(write_model(tmp_path / "model.pt"), "cpu")
    saved = dataclasses.replace(model.saved, fbank={})
    tensor_files.save(saved.content(), tmp_path / "model.pt")
    unknown = asda.load(tmp_path / "model.pt", "cpu")
    assert unknown.labels == LABELS
    with pytest.raises(InputError, match="unknown settings"):
        unknown.tag(noise(1.0), RATE)
