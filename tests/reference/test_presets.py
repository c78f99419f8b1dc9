"""The presets hold the published values and make the published models."""

import pytest
import torch

from asda.checkpoint.describe import describe
from asda.checkpoint.saved_model import SavedModel
from asda.configuration import load, to_dict
from asda.dataset.data_config import AugmentConfig
from asda.features.fbank_config import FbankConfig
from asda.model.classifier import Classifier
from asda.model.pretrainer import Pretrainer

BASE = (12, 768, 12)


@pytest.mark.parametrize(
    ("name", "shape", "hidden", "mask", "decoder", "cls_weight"),
    [
        ("asda_base", BASE, 2688, (0.8, 0.07), (768, 16, 3, 6), 0.5),
        ("eat_base", BASE, 3072, (0.8, 0.07), (768, 16, 3, 6), 1.0),
        ("eat_large", (24, 1024, 16), 4096, (0.75, 0.1), (1024, 16, 5, 3), 1.0),
    ],
)
def test_pretraining_models(preset, name, shape, hidden, mask, decoder, cls_weight):
    """docs/algorithm.md#model-sizes"""
    model = preset(f"pretrain_{name}").model.resolved()
    assert (model.depth, model.width, model.heads) == shape
    assert int(model.mlp_ratio * model.width) == hidden
    assert (model.mask.ratio, model.mask.adjust) == mask
    assert (model.mask.block_time, model.mask.block_freq, model.num_masks) == (5, 5, 16)
    found = model.decoder
    assert (found.width, found.groups, found.kernel, found.layers) == decoder
    assert found.mask_noise == 0.01
    assert (model.cls_weight, model.cls_reduction) == (cls_weight, "sum")
    assert model.target_layers == model.depth
    assert (model.patch.time, model.patch.freq_stride, model.mel_bins) == (16, 16, 128)
    attention = model.attention
    if name == "asda_base":
        assert (attention.lambda_init, attention.output_scale) == (0.1, 0.95)
        assert (attention.norm, attention.head_split, attention.bias) == ("layer", "full", True)
    else:
        assert attention.kind == "standard"


@pytest.mark.parametrize(
    ("name", "lr", "warmup", "updates", "anneal"),
    [
        ("asda_base", 5e-4, 106666, 800000, 100000),
        ("eat_base", 5e-4, 53333, 400000, 100000),
        ("eat_large", 4e-4, 53333, 400000, 150000),
    ],
)
def test_pretraining_runs(preset, name, lr, warmup, updates, anneal):
    """docs/algorithm.md#optimiser, docs/algorithm.md#schedule"""
    config = preset(f"pretrain_{name}")
    optimizer, training, data = config.optimizer, config.training, config.data
    assert (optimizer.lr, optimizer.warmup, optimizer.min_lr) == (lr, warmup, 0)
    assert (training.updates, training.seed, training.precision) == (updates, 1, "fp16")
    teacher = config.teacher
    assert (teacher.decay, teacher.end_decay, teacher.anneal_updates) == (0.9998, 0.99999, anneal)
    assert (optimizer.clip_norm, optimizer.weight_decay, optimizer.decay_all) == (4, 0.05, True)
    assert (tuple(optimizer.betas), optimizer.eps) == ((0.9, 0.95), 1e-8)
    assert (optimizer.eps_form, optimizer.layer_decay) == ("reference", 1)
    assert (data.max_frames, data.batch_size, data.padding) == (1024, 12, "fill")
    assert (data.crop, data.group_by_length, data.sampling) == ("start", False, "uniform")
    assert (data.norm_mean, data.norm_std) == (-4.268, 4.569)
    assert config.augment == AugmentConfig(mixup_probability=config.augment.mixup_probability)


TASKS = {
    # batch, updates, warmup, lr, mixup, mask ratio, frames, noise, seed, mean, std
    "audioset_2m": (48, 600000, 60000, 5e-5, 0.8, 0.2, 1024, False, 1, -4.268, 4.569),
    "audioset_20k": (32, 60000, 6000, 5e-5, 0.8, 0.2, 1024, False, 1, -4.268, 4.569),
    "esc50": (48, 4000, 400, 5e-5, 0.0, 0.4, 512, False, 1, -6.627, 5.359),
    "speechcommands": (256, 80000, 8000, 2e-4, 0.8, 0.2, 128, True, 42, -6.846, 5.565),
}
HEADS = {
    # loss, reduction, label smoothing, metric
    "audioset_2m": ("bce", "labels", 0.0, "mAP"),
    "audioset_20k": ("bce", "labels", 0.0, "mAP"),
    "esc50": ("cross_entropy", "clips", 0.1, "accuracy"),
    "speechcommands": ("bce", "clips", 0.0, "accuracy"),
}


@pytest.mark.parametrize("task", TASKS)
def test_fine_tuning(preset, task):
    """docs/algorithm.md#fine-tuning, docs/algorithm.md#augmentation"""
    config = preset(f"finetune_{task}")
    data, augment, optimizer = config.data, config.augment, config.optimizer
    training, head = config.training, config.classifier
    assert TASKS[task] == (
        *(data.batch_size, training.updates, optimizer.warmup, optimizer.lr),
        *(augment.mixup_alpha, augment.time_mask, data.max_frames, augment.noise),
        *(training.seed, data.norm_mean, data.norm_std),
    )
    assert HEADS[task] == (head.loss, head.loss_reduction, head.label_smoothing, head.metric)
    assert augment.freq_mask == augment.time_mask
    assert augment.mixup_probability == 0.9 and not augment.mixup_per_clip
    assert augment.roll and augment.gain
    assert (head.pooling, head.drop_path, head.encoder) == ("cls", 0.1, "student")
    assert (optimizer.layer_decay, optimizer.decay_embeddings) == (0.65, False)
    assert (optimizer.min_lr, optimizer.clip_norm, optimizer.decay_all) == (1e-6, 0, True)
    assert (optimizer.weight_decay, optimizer.eps_form) == (0.05, "reference")
    assert (data.padding, data.crop) == ("fill", "start")
    weighted = ("weighted", 200000) if task == "audioset_2m" else ("uniform", None)
    assert (data.sampling, data.draws_per_epoch) == weighted


def test_features(repository):
    """Everything but the resampler is the default (docs/algorithm.md#waveform)."""
    config = load(FbankConfig, repository / "egs/presets/fbank.yaml")
    assert config == FbankConfig(resampler="torchaudio")
    assert (config.sample_rate, config.num_mel_bins, config.low_freq) == (16000, 128, 20)
    assert (config.frame_length, config.frame_shift, config.window) == (400, 160, "hanning")
    assert (config.preemphasis, config.remove_mean, config.upper_freq) == (0.97, True, 8000)


COUNTS = {
    # encoder, decoder, all that is trained, positions (docs/algorithm.md#model-sizes)
    "asda_base": (92364288, 2585856, 94950144, 4718592),
    "eat_base": (85254144, 2585856, 87840000, 4718592),
    "eat_large": (302575616, 5967872, 308543488, 6291456),
}


def described(model, classes=0):
    norm = {"mean": -4.268, "std": 4.569}
    saved = SavedModel("pretrained", to_dict(model), {}, norm, {}, {}, "tokens")
    if classes:
        saved.kind, saved.output = "finetuned", "sigmoid"
        saved.head = {"name": "classifier", "pooling": "cls"}
        saved.labels = [str(index) for index in range(classes)]
    saved.weights = saved.expected_tensors()
    return describe(saved)


@pytest.mark.parametrize("name", COUNTS)
def test_info_counts_the_published_numbers_of_parameters(preset, name):
    encoder, decoder, trained, positions = COUNTS[name]
    lines = described(preset(f"pretrain_{name}").model.resolved())
    assert lines["parameters, encoder"] == lines["parameters, teacher"] == f"{encoder:,}"
    assert lines["parameters, decoder"] == f"{decoder:,}"
    assert lines["parameters, trained"] == f"{trained:,}"
    assert f"{positions:,} fixed values" in lines["positions"]


@pytest.mark.parametrize(("name", "count"), [("asda_base", 92771087), ("eat_base", 85660943)])
def test_info_counts_the_fine_tuned_model(preset, name, count):
    lines = described(preset(f"pretrain_{name}").model.resolved(), 527)
    assert lines["parameters, trained"] == f"{count:,}"
    assert lines["parameters, head"] == f"{count - COUNTS[name][0]:,}"
    assert lines["labels"].startswith("527: 0, 1, 2")


def test_the_parts_of_a_block(preset):
    """Pretraining trains 211 tensors (docs/algorithm.md#model-sizes)."""
    for name, count in (("asda_base", 7680384), ("eat_base", 7087872)):
        with torch.device("meta"):
            model = Pretrainer(preset(f"pretrain_{name}").model.resolved())
        assert sum(p.numel() for p in model.student.blocks[3].parameters()) == count
        if name == "asda_base":
            assert sum(p.requires_grad for p in model.parameters()) == 211


def test_drop_path_rises_linearly(preset):
    """Block i of 12 has a rate of 0.1 i / 11."""
    rate = preset("finetune_audioset_20k").classifier.drop_path
    with torch.device("meta"):
        model = Classifier(preset("pretrain_asda_base").model.resolved(), 5, "cls", drop_path=rate)
    rates = [block.drop_path for block in model.encoder.blocks]
    assert rates == pytest.approx([0.1 * index / 11 for index in range(12)])
