"""Log-mel features against torchaudio, in float32 and float64, on real audio and on edge cases."""

import math
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torchaudio.compliance import kaldi

from asda.audio.waveform import read_audio
from asda.features.clip_edges import beyond_edges
from asda.features.fbank import Fbank, mel_filters
from asda.features.fbank_config import FbankConfig

CONFIGS = [
    FbankConfig(),
    FbankConfig(window="hamming"),
    FbankConfig(window="povey", num_mel_bins=40, low_freq=60, high_freq=7600),
    FbankConfig(window="rectangular", preemphasis=0.0),
    FbankConfig(sample_rate=8000, num_mel_bins=23, remove_mean=False),
    FbankConfig(sample_rate=22050, num_mel_bins=80, frame_length_ms=32, frame_shift_ms=12.5),
    FbankConfig(sample_rate=32000, num_mel_bins=64, low_freq=0),
    FbankConfig(preemphasis=1.0, num_mel_bins=7),
    FbankConfig(window="povey", num_mel_bins=80, high_freq=7600, snip_edges=False),
    FbankConfig(sample_rate=8000, frame_length_ms=20, frame_shift_ms=30, snip_edges=False),
]


def reference(waveform: torch.Tensor, config: FbankConfig) -> torch.Tensor:
    if config.remove_mean:
        waveform = waveform - waveform.mean()
    return kaldi.fbank(
        waveform[None],
        sample_frequency=config.sample_rate,
        num_mel_bins=config.num_mel_bins,
        frame_length=config.frame_length_ms,
        frame_shift=config.frame_shift_ms,
        window_type=config.window,
        low_freq=config.low_freq,
        high_freq=config.high_freq,
        preemphasis_coefficient=config.preemphasis,
        snip_edges=config.snip_edges,
        dither=0.0,
    )


def coloured(samples: int, seed: int = 0) -> torch.Tensor:
    return (
        torch.from_numpy(np.random.default_rng(seed).normal(0, 0.1, samples)).float().cumsum(0) / 30
    )


def test_real_audio_is_as_near_to_float64_as_torchaudio(shared):
    clips = sorted((shared / "data/esc10").glob("*/*.ogg"))[::25]
    clips += sorted((shared / "data/fsdd/recordings").glob("*.wav"))[::300]
    config, errors, torchaudio_errors = FbankConfig(), [], []
    fbank = Fbank(config)
    for clip in clips:
        waveform = torch.from_numpy(read_audio(str(clip)))
        exact = reference(waveform.double() - waveform.mean(), config)
        found, torchaudio_found = fbank(waveform), reference(waveform, config)
        assert found.shape == exact.shape == (config.num_frames(len(waveform)), 128)
        assert (found - torchaudio_found).abs().mean() < 1e-5
        errors.append((found - exact).abs().mean())
        torchaudio_errors.append((torchaudio_found - exact).abs().mean())
    assert len(clips) == 26
    assert sum(errors) <= sum(torchaudio_errors)
    assert all(ours < 1.15 * theirs for ours, theirs in zip(errors, torchaudio_errors, strict=True))


@pytest.mark.parametrize("config", CONFIGS)
def test_every_configuration_is_torchaudio(config):
    waveform = coloured(config.sample_rate) + 0.25
    found, expected = Fbank(config)(waveform), reference(waveform.double(), config)
    # The spectrum falls by 90 dB, so its end has few exact digits in float32.
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=2e-2)
    assert (found - expected).abs().mean() < 1e-4


def reference_fbank(waveform: torch.Tensor, config: FbankConfig) -> torch.Tensor:
    """The definition of log-mel features, line by line; (samples,) to (frames, mel)."""
    size = 2 ** (config.frame_length - 1).bit_length()
    waveform = waveform - waveform.mean() * config.remove_mean
    if not config.snip_edges:
        waveform = reflected(waveform, config)
    frames = waveform.unfold(0, config.frame_length, config.frame_shift)
    frames = frames - frames.mean(dim=1, keepdim=True)
    previous = torch.cat([frames[:, :1], frames[:, :-1]], dim=1)
    windowed = (frames - config.preemphasis * previous) * window_of(config)
    energies = torch.fft.rfft(windowed, n=size).abs().square()[:, :-1]
    mel = energies @ mel_filters(config, size).T.to(energies)
    return mel.clamp(min=torch.finfo(torch.float32).eps).log()


def reflected(waveform: torch.Tensor, config: FbankConfig) -> torch.Tensor:
    """Continue a clip in reverse beyond its ends, sample by sample, as Kaldi's ExtractWindow."""
    count = len(waveform)
    first = config.frame_shift // 2 - config.frame_length // 2
    frames = (count + config.frame_shift // 2) // config.frame_shift
    covered = torch.arange(first, first + (frames - 1) * config.frame_shift + config.frame_length)
    covered = torch.where(covered < 0, -1 - covered, covered)
    return waveform[torch.where(covered >= count, 2 * count - 1 - covered, covered)]


def window_of(config: FbankConfig) -> torch.Tensor:
    hann = torch.hann_window(config.frame_length, periodic=False)
    return {
        "hanning": hann,
        "hamming": torch.hamming_window(config.frame_length, periodic=False),
        "povey": hann**0.85,
        "rectangular": torch.ones(config.frame_length),
    }[config.window]


@pytest.mark.parametrize("config", CONFIGS)
def test_the_fast_form_computes_the_definition(config):
    waveform = coloured(config.sample_rate) + 0.25
    found, expected = Fbank(config)(waveform), reference_fbank(waveform.double(), config)
    # The spectrum falls by 90 dB, so its end has few exact digits in float32.
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=2e-2)
    assert (found - expected).abs().mean() < 1e-4


def test_filters_are_those_of_torchaudio():
    for config, padded in (
        (FbankConfig(), 512),
        (FbankConfig(sample_rate=8000, high_freq=3800), 256),
    ):
        expected, _ = kaldi.get_mel_banks(
            config.num_mel_bins,
            padded,
            config.sample_rate,
            config.low_freq,
            config.upper_freq,
            100.0,
            -500.0,
            1.0,
        )
        assert torch.equal(mel_filters(config, padded), expected)


def test_filter_without_a_line_and_silence_are_at_the_floor():
    floor = math.log(1.1920929e-7)
    features = Fbank(FbankConfig())(coloured(16000))
    assert torch.all((features[:, 3] - floor).abs() < 1e-6)
    assert (features[:, 4] > floor + 1).all()
    silence = Fbank(FbankConfig())(torch.full((16000,), 0.3))
    torch.testing.assert_close(silence, torch.full((98, 128), floor))


@pytest.mark.parametrize(
    ("samples", "frames"), [(400, 1), (559, 1), (560, 2), (16000, 98), (160000, 998)]
)
def test_number_of_frames(samples, frames):
    config = FbankConfig()
    assert config.num_frames(samples) == frames == len(Fbank(config)(coloured(samples)))


@pytest.mark.parametrize("samples", [400, 479, 480, 560, 639, 640, 16000])
def test_frames_beyond_the_edges_are_those_of_torchaudio(samples):
    config = FbankConfig(window="povey", num_mel_bins=80, high_freq=7600, snip_edges=False)
    waveform = coloured(samples)
    found, expected = Fbank(config)(waveform), reference(waveform.double(), config)
    assert found.shape == expected.shape == (config.num_frames(samples), 80)
    assert len(found) == (samples + 80) // 160
    assert (found - expected).abs().mean() < 1e-4


@pytest.mark.parametrize("blocks", [[400] * 40, [1, 398, 300, 15000, 7], [20000]])
def test_samples_beyond_the_edges_do_not_depend_on_blocks(blocks):
    config = FbankConfig(snip_edges=False)
    waveform = coloured(sum(blocks)).numpy()
    parts = np.split(waveform, np.cumsum(blocks)[:-1])
    found = np.concatenate(list(beyond_edges(parts, config)))
    np.testing.assert_array_equal(found, reflected(torch.from_numpy(waveform), config).numpy())


def test_a_long_clip_is_computed_in_parts():
    fbank, waveform = Fbank(FbankConfig()), coloured(160 * 2500)
    features = fbank(waveform)
    assert len(features) == 2498
    expected = reference(waveform, FbankConfig())
    assert (features - expected).abs().mean() < 1e-4
    for frame in (0, 1023, 1024, 2047, 2048, 2497):
        assert (features[frame] - expected[frame]).abs().mean() < 1e-4


def test_clips_of_different_length_do_not_change_each_other():
    waveforms = [coloured(samples, seed) for seed, samples in enumerate((4000, 90000, 400, 200000))]
    config = FbankConfig(window="hamming")
    expected = [Fbank(config)(waveform) for waveform in waveforms]
    fbank = Fbank(config)
    for order in ([0, 1, 2, 3], [3, 2, 0, 1]):
        found = {n: fbank(waveforms[n]) for n in order}
        assert all(torch.equal(found[n], expected[n]) for n in order)


def test_threads_and_processes_share_a_filterbank():
    waveforms = [coloured(16000 + 1600 * seed, seed) for seed in range(8)]
    fbank = Fbank(FbankConfig())
    expected = [fbank(waveform) for waveform in waveforms]
    with ThreadPoolExecutor(4) as threads:
        for _ in range(5):
            assert all(map(torch.equal, threads.map(fbank, waveforms), expected))
    assert torch.equal(pickle.loads(pickle.dumps(fbank))(waveforms[0]), expected[0])


def test_too_short():
    assert FbankConfig().num_frames(399) == FbankConfig().num_frames(0) == 0
    with pytest.raises(ValueError, match="too short: 399 samples, a frame has 400"):
        Fbank(FbankConfig())(torch.zeros(399))


def test_waveform_stays_as_it_is_and_its_mean_does_not_matter():
    waveform = coloured(8000)
    before, fbank = waveform.clone(), Fbank(FbankConfig())
    features = fbank(waveform)
    assert torch.equal(waveform, before)
    assert (fbank(waveform + 0.5) - features).abs().mean() < 1e-3


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"num_mel_bins": 2}, "num_mel_bins must be from 4 to 4096, not 2"),
        ({"high_freq": 9000}, "high_freq must be from 0 to 8000, not 9000"),
        ({"low_freq": 300, "high_freq": 200}, "high_freq 200 must be above low_freq 300"),
        ({"preemphasis": 1.5}, "preemphasis must be from 0 to 1, not 1.5"),
        ({"sample_rate": 0}, "sample_rate must be from 1"),
        ({"frame_shift_ms": 0.01}, "shifted by 0.01 ms, is shorter than"),
    ],
)
def test_impossible_configurations(wrong, said):
    with pytest.raises(ValueError, match=said):
        FbankConfig(**wrong)
