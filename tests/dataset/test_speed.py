"""Speed perturbation of waveforms and of features."""

import json

import numpy as np
import pytest
import soundfile
import torch
from dataset.directories import random_features, with_audio, with_features

from asda.configuration import build, save, to_dict
from asda.dataset.clips import open_clips
from asda.dataset.data_config import AugmentConfig, DataConfig
from asda.dataset.feature_sources import FeatureInput
from asda.dataset.speed import at_speed, draw_speed, log_mel_at_speed
from asda.features.fbank import Fbank
from asda.features.fbank_config import FbankConfig
from asda.features.normalization import Normalization

FACTORS = (0.9, 1.0, 1.1)


def tone(frequency, seconds=1.0, rate=16000):
    return np.sin(2 * np.pi * frequency * np.arange(int(seconds * rate)) / rate).astype(np.float32)


@pytest.mark.parametrize("factor", FACTORS)
def test_faster_audio_is_shorter_and_higher(factor):
    played = at_speed(tone(1000), factor)
    assert len(played) == pytest.approx(16000 / factor, abs=1)
    spectrum = np.abs(np.fft.rfft(played * np.hanning(len(played))))
    peak = spectrum.argmax() * 16000 / len(played)
    assert peak == pytest.approx(1000 * factor, abs=2)
    assert played.dtype == np.float32


@pytest.mark.parametrize("factor", [0.9, 1.1])
@pytest.mark.parametrize("frequency", [300, 1000, 4000])
def test_features_move_along_the_filterbank_as_those_of_the_audio(factor, frequency):
    config = FbankConfig()
    fbank = Fbank(config)
    moved = log_mel_at_speed(fbank(torch.from_numpy(tone(frequency))).numpy(), factor, config)
    real = fbank(torch.from_numpy(at_speed(tone(frequency), factor))).numpy()
    assert abs(len(moved) - len(real)) <= 1
    bins = moved.mean(0).argmax(), real.mean(0).argmax()
    assert abs(int(bins[0]) - int(bins[1])) <= 1
    assert bins[1] + 1 == pytest.approx(config.filter_position(factor * frequency), abs=1)


@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_features_of_speech_come_near_those_of_resampled_speech(shared, factor):
    config = FbankConfig()
    fbank = Fbank(config)
    path = sorted((shared / "data/fsdd").rglob("*.wav"))[10]
    samples, rate = soundfile.read(path, dtype="float32")
    waveform = at_speed(samples, rate / 16000)
    log_mel = fbank(torch.from_numpy(waveform)).numpy()
    real = fbank(torch.from_numpy(at_speed(waveform, factor))).numpy()
    moved = log_mel_at_speed(log_mel, factor, config)
    frames = min(len(moved), len(real))
    error = np.abs(moved[:frames] - real[:frames]).mean()
    stretched = log_mel[np.minimum(np.arange(frames) * factor, len(log_mel) - 1).astype(int)]
    assert error < 0.7
    assert error < 0.6 * np.abs(stretched - real[:frames]).mean()


def test_slower_audio_has_nothing_at_the_highest_frequencies():
    config, log_mel = FbankConfig(), np.zeros((50, 128), np.float32)
    log_mel[3, 4] = -7
    moved = log_mel_at_speed(log_mel, 0.9, config)
    above = int(np.ceil(config.filter_position(0.9 * 8000)))
    assert (moved[:, above:] == -7).all()
    assert (moved[10:, : above - 2] == 0).all()


def test_factors_are_drawn_alike_and_only_if_there_are_any():
    rng = np.random.default_rng(0)
    drawn = [draw_speed(FACTORS, 500, 16, 1024, rng) for _ in range(3000)]
    shares = [drawn.count(factor) / 3000 for factor in FACTORS]
    assert shares == pytest.approx([1 / 3] * 3, abs=0.03)
    state = rng.bit_generator.state
    assert draw_speed((), 500, 16, 1024, rng) == 1
    assert rng.bit_generator.state == state


@pytest.mark.parametrize(
    ("frames", "factor", "drawn"),
    [(500, 0.5, 0.5), (95, 0.5, 0.95), (100, 0.5, 1.0), (200, 0.5, 0.5), (20, 2.0, 1.25)],
)
def test_clips_are_neither_cropped_nor_made_too_short_by_another_speed(frames, factor, drawn):
    longest = 1024 if frames == 500 else 100
    found = draw_speed((factor,), frames, 16, longest, np.random.default_rng(0))
    assert found == pytest.approx(drawn)


def test_dumped_features_and_audio_get_the_same_speeds_and_nearly_the_same_features(tmp_path):
    save(FbankConfig(), tmp_path / "fbank.yaml")
    audio = with_audio(tmp_path / "audio", {f"clip{n}": 0.6 + 0.1 * n for n in range(6)})
    computed = FeatureInput(fbank=str(tmp_path / "fbank.yaml"))
    config, augment = DataConfig(workers=0), AugmentConfig(speed=FACTORS)
    plain = open_clips(str(audio), computed, config)
    dumped = with_features(
        tmp_path / "dump", {u: plain.features.features(u).values for u in plain.utterances}
    )
    sources = (
        (open_clips(str(audio), computed, config, augment=augment, seed=3)),
        (open_clips(str(dumped), FeatureInput(), config, augment=augment, seed=3)),
    )
    changed = 0
    for index in range(6):
        shapes = [clips[0, index].shape for clips in sources]
        assert abs(shapes[0][0] - shapes[1][0]) <= 1
        changed += abs(shapes[0][0] - plain[0, index].shape[0]) > 2
    assert changed >= 2


def test_without_factors_the_first_draw_is_that_of_the_roll_as_ever(tmp_path):
    features = random_features([40, 50])
    folder = with_features(tmp_path / "data", features)
    found = {}
    for speed in ((), FACTORS):
        augment = AugmentConfig(roll=True, speed=speed)
        clips = open_clips(str(folder), FeatureInput(), DataConfig(), augment=augment, seed=2)
        clips.normalization = Normalization(0.0, 0.5)
        found[speed] = clips[0, 1].features.read()
    utterance = clips.utterances[1]
    shift = np.random.default_rng((2, 0, 1)).integers(len(features[utterance]))
    assert np.allclose(found[()], np.roll(features[utterance], shift, axis=0), atol=1e-3)
    assert found[FACTORS].shape != found[()].shape or not np.allclose(*found.values())


def test_factors_survive_a_configuration_file():
    config = AugmentConfig(speed=FACTORS, time_masks=2)
    values = json.loads(json.dumps(to_dict(config)))
    assert build(AugmentConfig, values, "test") == config


@pytest.mark.parametrize("factor", [0.0, 0.3, 3.0, float("nan")])
def test_factors_beyond_half_and_double_speed_are_refused(factor):
    with pytest.raises(ValueError, match=r"factors must lie in 0\.5\.\.2"):
        AugmentConfig(speed=(0.9, factor))
