import numpy as np
import pytest
import torch

from asda.dataset.augment import (
    add_background,
    augment_log_mel,
    augment_normalised,
    augment_waveform,
    mask_stripes,
    mixup,
    move_edges,
    perturb,
    warp,
)
from asda.dataset.data_config import AugmentConfig
from asda.features.matrix import Values, read


def rng():
    return np.random.default_rng(0)


def ramp(frames=40, bins=8):
    return np.arange(frames * bins, dtype=np.float32).reshape(frames, bins)


def perturbed(log_mel, config, generator):
    return read(perturb(Values(log_mel), config, generator))


def test_nothing_changes_by_default():
    features, quiet = ramp(), AugmentConfig()
    lazy = Values(features)
    assert augment_log_mel(lazy, quiet, rng()) is lazy
    assert perturb(lazy, quiet, rng()) is lazy
    assert (augment_normalised(features, quiet, rng()) == features).all()


def test_later_draws_do_not_depend_on_whether_background_is_set():
    quiet, noisy = rng(), rng()
    perturb(Values(ramp()), AugmentConfig(), quiet)
    perturb(Values(ramp()), AugmentConfig(background=1e-9), noisy)
    assert quiet.random() == noisy.random()


def test_roll_moves_frames_in_a_circle():
    rolled = read(augment_log_mel(Values(ramp()), AugmentConfig(roll=True), rng()))
    start = int(rolled[0, 0]) // 8
    assert start != 0
    assert (rolled == np.roll(ramp(), -start, axis=0)).all()


def test_gain_of_features_is_the_gain_of_their_waveform():
    from asda.features.fbank import Fbank, FbankConfig

    config, fbank = AugmentConfig(gain=True), Fbank(FbankConfig())
    waveform = rng().standard_normal(16000).astype(np.float32) * 0.1
    plain = fbank(torch.from_numpy(waveform)).numpy()
    louder = fbank(torch.from_numpy(augment_waveform(waveform, config, rng()))).numpy()
    added = read(augment_log_mel(Values(plain), config, rng()))
    above_floor = plain > -15
    np.testing.assert_allclose(added[above_floor], louder[above_floor], atol=2e-3)


def test_gain_has_the_reference_distribution():
    config, generator = AugmentConfig(gain=True), rng()
    gains = [augment_waveform(np.ones(1), config, generator)[0] for _ in range(4000)]
    assert min(gains) >= 0.5 and max(gains) <= 1.5
    assert abs(np.mean(gains) - 1) < 0.01
    assert abs(np.std(gains) - np.sqrt(0.25 / 21)) < 0.005  # Beta(10, 10)


def test_stretch_changes_the_number_of_frames_within_bounds():
    config, generator = AugmentConfig(stretch=0.2), rng()
    frames = [len(warp(ramp(100), config, generator)) for _ in range(200)]
    assert 80 <= min(frames) < 85 and 115 < max(frames) <= 120
    line = warp(ramp(100), config, generator)[:, 0]
    np.testing.assert_allclose(np.diff(line), np.diff(line)[0], rtol=1e-3)  # a line stays a line


def test_edges_move_within_bounds_and_keep_the_sound():
    clip, generator = ramp(60), rng()
    moved = [move_edges(clip, 8, generator) for _ in range(300)]
    lengths = [len(log_mel) for log_mel in moved]
    assert min(lengths) in (52, 53) and max(lengths) in (75, 76)
    for log_mel in moved:  # frames in the middle are there, in order
        starts = np.flatnonzero((log_mel == clip[10]).all(axis=1))
        assert len(starts) == 1
        assert (log_mel[starts[0] : starts[0] + 40] == clip[10:50]).all()


def test_edges_of_a_short_clip_are_not_cut_away():
    generator = rng()
    assert min(len(move_edges(ramp(12), 40, generator)) for _ in range(300)) >= 8


def test_level_changes_by_up_to_the_stated_decibels():
    config, generator = AugmentConfig(level=20), rng()
    changes = [perturbed(ramp(), config, generator) - ramp() for _ in range(300)]
    assert max(np.ptp(change) for change in changes) < 1e-4  # the same for all values
    factors = np.exp([change.mean() for change in changes])
    assert 0.01 <= min(factors) < 0.012 and 85 < max(factors) <= 100  # of power


def test_background_adds_power_at_the_stated_level():
    generator = rng()
    clip = np.full((500, 8), -20, dtype=np.float32)
    clip[0] = 0.0  # the loudest frame
    noisy = [add_background(clip, generator) for _ in range(200)]
    levels = [np.log(np.exp(log_mel[1:]).mean()) for log_mel in noisy]
    assert -16 < min(levels) < -14 and -3.5 < max(levels) < -2
    assert all((log_mel >= clip - 1e-5).all() for log_mel in noisy)


def test_background_is_added_to_the_stated_fraction_of_clips():
    config, generator = AugmentConfig(background=0.3), rng()
    changed = [(perturbed(ramp(), config, generator) != ramp()).any() for _ in range(1000)]
    assert 0.26 < np.mean(changed) < 0.34


def test_pitch_moves_a_spectral_peak():
    config, generator = AugmentConfig(pitch=0.1), rng()
    spectrum = np.exp(-0.5 * ((np.arange(128) - 60) / 3) ** 2, dtype=np.float32)[None]
    peaks = [int(warp(spectrum, config, generator).argmax()) for _ in range(200)]
    assert 54 <= min(peaks) <= 56 and 65 <= max(peaks) <= 67


def test_noise_is_the_reference_uniform_noise():
    config, generator = AugmentConfig(noise=True), rng()
    noisy = [
        augment_normalised(np.zeros((20, 8), np.float32), config, generator) for _ in range(99)
    ]
    largest = np.array([clip.max() for clip in noisy])
    assert min(clip.min() for clip in noisy) >= 0
    assert largest.max() <= 0.1 and largest.max() > 0.09 and largest.min() < 0.01


@pytest.mark.parametrize("per_clip", [False, True])
def test_mixup_mixes_with_the_mirror_image(per_clip):
    config = AugmentConfig(mixup_alpha=0.8, mixup_probability=1.0, mixup_per_clip=per_clip)
    features = torch.randn(4, 5, 3)
    targets = torch.eye(4)
    mixed, labels, order = mixup(features, targets, config, rng())
    lam = labels.diagonal()
    assert order.tolist() == [3, 2, 1, 0]
    torch.testing.assert_close(labels.sum(1), torch.ones(4))
    expected = features * lam[:, None, None] + features.flip(0) * (1 - lam)[:, None, None]
    torch.testing.assert_close(mixed, expected)
    assert (len(lam.unique()) > 1) == per_clip


def test_mixup_leaves_a_fraction_of_batches_alone():
    config, generator = AugmentConfig(mixup_alpha=0.8, mixup_probability=0.9), rng()
    batch = torch.zeros(2, 3, 3), torch.eye(2)
    plain = sum(mixup(*batch, config, generator)[2] is None for _ in range(2000))
    assert abs(plain / 2000 - 0.1) < 0.025


def test_stripes_cover_what_specaugment_covers():
    torch.manual_seed(0)
    config = AugmentConfig(time_mask=0.2, freq_mask=0.4)
    masked = mask_stripes(torch.ones(500, 100, 128), None, config)
    times = (masked.amax(2) == 0).sum(1)
    bins = (masked.amax(1) == 0).sum(1)
    assert times.max() <= 20 and bins.max() <= 51
    assert abs(times.float().mean() - 9.5) < 1  # floor of U(0, 20)
    assert abs(bins.float().mean() - 25.1) < 2.5


def test_time_stripes_stay_within_a_clip():
    torch.manual_seed(0)
    config = AugmentConfig(time_mask=0.5)
    masked = mask_stripes(torch.ones(200, 100, 4), torch.full((200,), 10), config)
    assert (masked[:, 10:] == 1).all()
    assert (masked[:, :10] == 0).any()


def test_several_masks_cover_more():
    one = AugmentConfig(time_mask=0.2, freq_mask=0.2)
    several = AugmentConfig(time_mask=0.2, freq_mask=0.2, time_masks=3, freq_masks=2)
    features, masked = torch.ones(300, 100, 40), {}
    for name, config in (("one", one), ("several", several)):
        torch.manual_seed(0)
        masked[name] = mask_stripes(features, None, config)
    times = {name: float((x.amax(2) == 0).sum(1).float().mean()) for name, x in masked.items()}
    bins = {name: float((x.amax(1) == 0).sum(1).float().mean()) for name, x in masked.items()}
    assert times["one"] == pytest.approx(9.5, abs=1)
    assert times["several"] == pytest.approx(26, abs=2)  # three, which sometimes overlap
    assert bins["several"] == pytest.approx(6.6, abs=0.7)


def test_several_time_masks_stay_within_a_clip():
    torch.manual_seed(0)
    config = AugmentConfig(time_mask=0.3, time_masks=4)
    masked = mask_stripes(torch.ones(200, 100, 4), torch.full((200,), 10), config)
    assert (masked[:, 10:] == 1).all()
    assert float((masked[:, :10, 0] == 0).float().mean()) > 0.3


@pytest.mark.parametrize("name", ["time_masks", "freq_masks"])
def test_no_mask_at_all_is_said_by_its_size(name):
    with pytest.raises(ValueError, match=rf"augment.{name} must be at least 1, not 0; augment"):
        AugmentConfig(**{name: 0})
