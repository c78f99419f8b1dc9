import dataclasses

import pytest
import torch
from torch.nn import functional as F

from asda.model.classifier import Classifier
from asda.model.decoder import Decoder
from asda.model.encoder import Block, Encoder
from asda.model.model_config import AttentionConfig, DecoderConfig, ModelConfig, PatchConfig
from asda.model.pretrainer import Pretrainer


def tiny(**options):
    options = {"depth": 2, "width": 48, "heads": 4, "num_masks": 3} | options
    return ModelConfig(size="tiny", **options).resolved()


def count(module):
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize(
    ("attention", "ratio", "encoder", "decoder"),
    [
        (AttentionConfig(), 3.5, 92364288, 2585856),
        (AttentionConfig(kind="standard"), 4.0, 85254144, 2585856),
    ],
)
def test_base_models_have_the_published_number_of_parameters(attention, ratio, encoder, decoder):
    """algorithm.md 15."""
    config = ModelConfig(size="base", attention=attention, mlp_ratio=ratio).resolved()
    with torch.device("meta"):
        blocks = [Block(config, index, 0.0) for index in range(config.depth)]
    shell = count(Encoder(dataclasses.replace(config, depth=1))) - count(blocks[0])
    assert shell + sum(count(block) for block in blocks) == encoder
    assert count(Decoder(config)) == decoder
    head = 2 * 768 + 768 * 527 + 527
    assert encoder + head == {"differential": 92771087, "standard": 85660943}[attention.kind]


def test_drop_path_rises_linearly_and_acts_in_training_only():
    encoder = Encoder(tiny(depth=3), drop_path=0.1)
    assert [block.drop_path for block in encoder.blocks] == pytest.approx([0, 0.05, 0.1])
    fbank = torch.randn(2, 64, 128)
    encoder.eval()
    torch.testing.assert_close(encoder(fbank).tokens, encoder(fbank).tokens)
    encoder.blocks[0].drop_path = 0.5
    encoder.train()
    assert not torch.equal(encoder(fbank).tokens, encoder(fbank).tokens)


@pytest.mark.parametrize(
    "patch", [PatchConfig(16, 16), PatchConfig(4, 128), PatchConfig(8, 32, time_stride=4)]
)
@pytest.mark.parametrize(
    ("pooling", "layers"),
    [("cls", "last"), ("mean", "last"), ("statistics", "last"), ("statistics", "all")],
)
def test_a_clip_does_not_depend_on_its_batch_mates(patch, pooling, layers):
    model = Classifier(tiny(patch=patch), 5, pooling, layers).eval()
    clips = [torch.randn(n, 128) for n in (160, 75, 20)]
    batch = torch.nn.utils.rnn.pad_sequence(clips, batch_first=True)
    together = model(batch, torch.tensor([160, 75, 20]))
    alone = torch.cat([model(clip[None]) for clip in clips])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-4)


def test_statistics_are_mean_and_deviation_of_the_real_patches():
    model = Classifier(tiny(), 5, "statistics", "all").eval()
    fbank = torch.randn(1, 80, 128)
    patches = model.encoder.patches(fbank)
    levels = [patches, *(tokens[:, 1:] for tokens, _ in model.encoder.layers(patches, None))]
    expected = [torch.cat([x[0].mean(0), x[0].std(0, correction=0)]) for x in levels]
    padded = F.pad(fbank, (0, 0, 0, 85))
    found = model.embed(padded, torch.tensor([80]))[0]
    torch.testing.assert_close(found, torch.cat(expected), atol=1e-4, rtol=1e-4)
    model.layers = "last"
    found = model.embed(padded, torch.tensor([80]))[0]
    torch.testing.assert_close(found, expected[-1], atol=1e-4, rtol=1e-4)


def test_pretraining_losses_of_a_clip_do_not_depend_on_its_batch_mates():
    model = Pretrainer(tiny(decoder=DecoderConfig(mask_noise=0.0))).eval()
    long, short = torch.randn(1, 160, 128), torch.randn(1, 70, 128)
    kept_long = torch.stack([torch.randperm(80)[:16].sort().values for _ in range(3)])
    kept_short = torch.stack([torch.randperm(40)[:8].sort().values for _ in range(3)])
    batch = torch.cat([long, F.pad(short, (0, 0, 0, 90))])
    kept = torch.stack([kept_long, F.pad(kept_short, (0, 8), value=-1)])
    together = model(batch, kept, torch.tensor([160, 70]))
    parts = [model(long, kept_long[None]), model(short, kept_short[None])]
    masked = torch.tensor([3.0 * (80 - 16), 3.0 * (40 - 8)])
    frame = sum(w * part.frame_loss for w, part in zip(masked, parts, strict=True)) / masked.sum()
    torch.testing.assert_close(together.frame_loss, frame, atol=1e-5, rtol=1e-4)
    cls = (parts[0].cls_loss + parts[1].cls_loss) / 2
    torch.testing.assert_close(together.cls_loss, cls, atol=1e-5, rtol=1e-4)


def test_reported_deviations_are_those_of_the_masked_rows():
    model = Pretrainer(tiny(decoder=DecoderConfig(mask_noise=0.0))).eval()
    fbank = torch.randn(2, 96, 128)
    kept = torch.stack([torch.randperm(48)[:9] for _ in range(6)]).view(2, 3, 9)
    masked = torch.ones(2, 3, 48, dtype=torch.bool).scatter(2, kept, False)
    target, _ = model.targets(fbank, None)
    _, prediction = model.predict(fbank, kept, None)
    output = model(fbank, kept)
    for found, rows in (
        (output.prediction_std, prediction[masked]),
        (output.target_std, target[:, None].expand_as(prediction)[masked]),
    ):
        expected = (rows.var(dim=0, unbiased=False) + 1e-6).sqrt().mean()
        torch.testing.assert_close(found, expected.detach(), atol=1e-5, rtol=1e-4)


def test_cls_loss_sum_counts_clones_and_clips():
    fbank, kept = torch.randn(2, 96, 128), torch.arange(9).expand(2, 3, 9)
    losses = {}
    for reduction in ("mean", "sum"):
        torch.manual_seed(0)
        model = Pretrainer(tiny(cls_reduction=reduction)).eval()
        losses[reduction] = model(fbank, kept).cls_loss.detach()
    torch.testing.assert_close(losses["sum"], 6 * losses["mean"])


def test_a_target_normed_by_patch_keeps_what_all_patches_of_a_clip_share():
    """A constant clip has equal patches but for their positions: by clip nothing else is left."""
    steady = torch.randn(2, 1, 128).expand(2, 96, 128)
    targets = {}
    for norm in ("clip", "patch"):
        torch.manual_seed(0)
        model = Pretrainer(tiny(target_norm=norm, patch=PatchConfig(16, 128))).eval()
        clips = model.targets(steady, None)[0].mean(dim=1)
        targets[norm] = (clips[0] - clips[1]).square().mean()
    assert targets["patch"] > 10 * targets["clip"]


def test_a_target_normed_by_patch_is_that_of_torch():
    model, fbank = Pretrainer(tiny(target_norm="patch")), torch.randn(2, 96, 128)
    blocks = model.teacher.layers(model.teacher.patches(fbank), None)
    norm = torch.nn.LayerNorm(48, elementwise_affine=False)
    expected = norm(sum(norm(ffn[:, 1:]) for _, ffn in blocks) / 2)
    torch.testing.assert_close(model.targets(fbank, None)[0], expected)


def test_the_teacher_starts_as_the_student_and_follows_it():
    model = Pretrainer(tiny())
    pairs = list(zip(model.teacher.parameters(), model.student.parameters(), strict=True))
    assert all(torch.equal(t, s) for t, s in pairs)
    with torch.no_grad():
        for parameter in model.student.parameters():
            parameter += 1
    before = [t.clone() for t, _ in pairs]
    model.update_teacher(0.9)
    for (teacher, _), old in zip(pairs, before, strict=True):
        torch.testing.assert_close(teacher, old + 0.1)
    assert not any(p.requires_grad for p in model.teacher.parameters())
    assert not model.train().teacher.training


def test_a_linear_probe_leaves_the_encoder_in_evaluation_mode():
    model = Classifier(tiny(), 3, "cls", drop_path=0.5)
    model.freeze_encoder()
    model.train()
    assert not model.encoder.training
    assert model.head.training
    model(torch.randn(2, 64, 128)).sum().backward()
    assert all(p.grad is None for p in model.encoder.parameters())
    assert model.head.weight.grad is not None


@torch.no_grad()
def test_initial_weights_have_the_published_statistics():
    """algorithm.md 9."""
    torch.manual_seed(0)
    model = Pretrainer(ModelConfig(size="base", depth=1).resolved())
    block = model.student.blocks[0]
    for linear in (block.attn.qk, block.attn.v, block.attn.proj, block.mlp.fc1, block.mlp.fc2):
        assert linear.weight.std() == pytest.approx(0.02, rel=0.01)
        assert (linear.bias == 0).all()
    patch = model.student.patches.proj
    assert patch.weight.abs().max() == pytest.approx(0.07655, rel=0.001)
    assert patch.bias.abs().max() <= 1 / 16
    assert model.student.cls_token.std() == pytest.approx(1, rel=0.1)
    conv = model.decoder.convs[0]
    assert conv.weight.abs().max() == pytest.approx(0.04811, rel=0.001)
    assert model.decoder.proj.weight.abs().max() == pytest.approx(0.03608, rel=0.001)
    head = Classifier(ModelConfig(size="base", depth=1).resolved(), 527, "cls").head
    assert head.weight.std() == pytest.approx(0.02, rel=0.02)
