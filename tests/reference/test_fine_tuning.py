"""Fine-tuning with the values of the presets (docs/algorithm.md#fine-tuning)."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from asda.dataset.augment import augment_normalised, augment_waveform, mask_stripes, mixup
from asda.dataset.sampling import TrainingBatches
from asda.model.classifier import Classifier
from asda.tasks.classification import classification_loss
from asda.training.optimizer import learning_rate, make_optimizer

SCALES = [
    *(0.0056880, 0.0087508, 0.0134627, 0.0207119, 0.0318645, 0.0490223),
    *(0.0754189, 0.1160291, 0.1785063, 0.274625, 0.4225, 0.65),
]


@pytest.fixture
def groups(preset):
    """Name of each parameter of a 12-block classifier -> its parameter group."""

    def of(task):
        config = preset("pretrain_asda_base")
        model = dataclasses.replace(config.model, width=16, heads=1)
        model = model.resolved()
        classifier = Classifier(model, 5, "cls")
        optimizer = make_optimizer(classifier, preset(f"finetune_{task}").optimizer)
        group = {id(p): group for group in optimizer.param_groups for p in group["params"]}
        return {name: group[id(p)] for name, p in classifier.named_parameters()}

    return of


def test_rates_fall_from_the_top_block_down_and_nowhere_else(groups):
    for name, group in groups("audioset_20k").items():
        scale = SCALES[int(name.split(".")[2])] if "blocks" in name else 1.0
        assert group["lr_scale"] == pytest.approx(scale, rel=1e-4), name
        assert group["weight_decay"] == 0.05


def test_the_lowest_blocks_keep_their_rate(groups, preset):
    """min_lr is a floor for every group (docs/algorithm.md#schedule)."""
    config, found = preset("finetune_audioset_20k"), groups("audioset_20k")
    constant = []
    for block in range(12):
        peak = config.optimizer.lr * found[f"encoder.blocks.{block}.norm1.bias"]["lr_scale"]
        updates = config.training.updates
        rates = {
            learning_rate(n, peak, config.optimizer, updates) for n in (0, 99, 6000, 9999, 60000)
        }
        constant += [block] if rates == {peak} else []
        assert max(rates) == pytest.approx(peak)
        assert min(rates) == min(peak, 1e-6)
    assert constant == [0, 1, 2]


def test_audioset_loss_is_divided_by_the_labels(preset):
    torch.manual_seed(0)
    logits, targets = torch.randn(4, 527), (torch.rand(4, 527) < 0.01) * 0.7
    p = torch.sigmoid(logits)
    expected = -(targets * p.log() + (1 - targets) * (1 - p).log()).sum() / targets.sum()
    head = preset("finetune_audioset_20k").classifier
    torch.testing.assert_close(classification_loss(logits, targets, head), expected)


def test_speech_commands_loss_is_divided_by_the_clips(preset):
    torch.manual_seed(0)
    logits, targets = torch.randn(6, 35), torch.eye(35)[:6]
    expected = F.binary_cross_entropy_with_logits(logits, targets) * 35
    head = preset("finetune_speechcommands").classifier
    torch.testing.assert_close(classification_loss(logits, targets, head), expected)


def test_esc50_loss_is_smoothed_cross_entropy(preset):
    torch.manual_seed(0)
    logits, classes = torch.randn(6, 50), torch.arange(6)
    expected = F.cross_entropy(logits, classes, label_smoothing=0.1)
    head = preset("finetune_esc50").classifier
    found = classification_loss(logits, F.one_hot(classes, 50).float(), head)
    torch.testing.assert_close(found, expected)


def test_mixup_draws_one_share_for_a_batch_from_its_beta(preset):
    config, rng = preset("finetune_audioset_20k").augment, np.random.default_rng(0)
    features, targets = torch.eye(6)[:, :, None], torch.eye(6)
    shares, mixed = [], 0
    for _ in range(4000):
        _, labels, order = mixup(features, targets, config, rng)
        if order is not None:
            mixed += 1
            assert len(labels.diagonal().unique()) == 1
            torch.testing.assert_close(labels.flip(0).diagonal(), 1 - labels.diagonal())
            shares.append(float(labels[0, 0]))
    assert mixed / 4000 == pytest.approx(0.9, abs=0.015)
    assert np.mean(shares) == pytest.approx(0.5, abs=0.02)
    assert np.var(shares) == pytest.approx(1 / (4 * (2 * 0.8 + 1)), abs=0.006)  # Beta(a, a)


def test_no_mixup_for_esc50(preset):
    config, batch = preset("finetune_esc50").augment, torch.randn(4, 3, 3)
    rng = np.random.default_rng(0)
    assert all(mixup(batch, torch.eye(4), config, rng)[2] is None for _ in range(50))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "frames", "longest", "widest"),
    [
        ("audioset_20k", 1024, 204.8, 25.6),
        ("esc50", 512, 204.8, 51.2),
        ("speechcommands", 128, 25.6, 25.6),
    ],
)
def test_specaugment_widths(preset, task, frames, longest, widest):
    """Widths are floor(U max), so their mean is (max - 1) / 2 but for the last step."""
    torch.manual_seed(0)
    config = preset(f"finetune_{task}").augment
    for axis, size, largest in ((2, frames, longest), (1, 128, widest)):
        mask = dataclasses.replace(config, **{"freq_mask" if axis == 2 else "time_mask": 0.0})
        masked = mask_stripes(torch.ones(1500, frames, 128), None, mask) == 0
        hit = masked.all(axis)
        widths = hit.sum(1)
        assert widths.max() == math.floor(largest)
        uniform = np.floor(np.linspace(0, largest, 100000, endpoint=False))
        deviation = uniform.std() / math.sqrt(1500)
        assert float(widths.float().mean()) == pytest.approx(uniform.mean(), abs=4 * deviation)
        runs = (hit[:, 1:] & ~hit[:, :-1]).sum(1) + hit[:, 0]
        assert runs.max() == 1
        assert hit[:, :8].any() and hit[:, size - 8 :].any()  # stripes reach both ends


def test_waveform_gain_and_roll(preset):
    config, rng = preset("finetune_audioset_20k").augment, np.random.default_rng(0)
    waveform = np.arange(1, 401, dtype=np.float32)
    shifts, gains = [], []
    for _ in range(3000):
        changed = augment_waveform(waveform, config, rng)
        gains.append(changed.max() / 400)
        shifts.append(int(changed.argmax() - 399) % 400)
        np.testing.assert_allclose(changed, np.roll(waveform, shifts[-1]) * gains[-1], rtol=1e-5)
    assert np.mean(gains) == pytest.approx(1, abs=0.01)
    assert np.var(gains) == pytest.approx(1 / (4 * (2 * 10 + 1)), rel=0.1)
    assert len(set(shifts)) > 390
    assert np.mean(shifts) == pytest.approx(199.5, abs=8)


def test_noise_and_roll_of_speech_commands(preset):
    config, rng = preset("finetune_speechcommands").augment, np.random.default_rng(0)
    features = np.zeros((128, 128), np.float32)
    features[60] = 5
    rolls, levels = [], []
    for _ in range(1500):
        noisy = augment_normalised(features, config, rng)
        peak = int(noisy[:, 0].argmax())
        rolls.append(peak - 60)
        levels.append(np.delete(noisy, peak, axis=0).mean() * 2)  # u / 10
    assert set(rolls) == set(range(-10, 10))
    assert max(levels) == pytest.approx(0.1, rel=0.02)
    assert np.mean(levels) == pytest.approx(0.05, rel=0.05)
    assert np.std(noisy[0]) == pytest.approx(levels[-1] / math.sqrt(12), rel=0.2)  # uniform


def test_weighted_draws_are_those_of_multinomial(preset):
    """Without replacement, in proportion to the weights (docs/algorithm.md#sampling)."""
    weights = np.array([1.0, 2.0, 4.0, 8.0, 5.0])
    sampler = TrainingBatches(
        np.full(5, 9), 2, seed=3, weights=weights, draws=2, group_by_length=False
    )
    drawn = np.stack([sampler.epoch(epoch)[0] for epoch in range(4000)])
    assert (drawn[:, 0] != drawn[:, 1]).all()
    torch.manual_seed(0)
    theirs = torch.stack([torch.multinomial(torch.from_numpy(weights), 2) for _ in range(4000)])
    ours = np.bincount(drawn.ravel(), minlength=5) / 8000
    np.testing.assert_allclose(ours, theirs.flatten().bincount() / 8000, atol=0.02)


def test_pooled_vector_norm_and_head(preset):
    """logits = head(fc_norm(CLS)) (docs/algorithm.md#fine-tuning)."""
    config = preset("pretrain_eat_base")
    model = dataclasses.replace(config.model, depth=1, width=16, heads=2, target_layers=1)
    model = model.resolved()
    classifier, fbank = Classifier(model, 3, "cls").eval(), torch.randn(2, 32, 128)
    cls = classifier.encoder(fbank).tokens[:, 0]
    normed = F.layer_norm(cls, (16,), eps=1e-6)
    torch.testing.assert_close(classifier(fbank), classifier.head(normed))
