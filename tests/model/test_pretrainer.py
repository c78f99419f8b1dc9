import pytest
import torch
from model.networks import tiny
from torch.nn import functional as F

from asda.model.model_config import DecoderConfig, PatchConfig
from asda.model.pretrainer import Pretrainer


def test_pretraining_losses_of_a_clip_do_not_depend_on_its_batch_mates():
    model = Pretrainer(tiny(decoder=DecoderConfig(mask_noise=0.0))).eval()
    long, short = torch.randn(1, 160, 128), torch.randn(1, 70, 128)
    visible_long = torch.stack([torch.randperm(80)[:16].sort().values for _ in range(3)])
    visible_short = torch.stack([torch.randperm(40)[:8].sort().values for _ in range(3)])
    batch = torch.cat([long, F.pad(short, (0, 0, 0, 90))])
    visible = torch.stack([visible_long, F.pad(visible_short, (0, 8), value=-1)])
    together = model(batch, visible, torch.tensor([160, 70]))
    parts = [model(long, visible_long[None]), model(short, visible_short[None])]
    masked = torch.tensor([3.0 * (80 - 16), 3.0 * (40 - 8)])
    frame = sum(w * part.frame_loss for w, part in zip(masked, parts, strict=True)) / masked.sum()
    torch.testing.assert_close(together.frame_loss, frame, atol=1e-5, rtol=1e-4)
    cls = (parts[0].cls_loss + parts[1].cls_loss) / 2
    torch.testing.assert_close(together.cls_loss, cls, atol=1e-5, rtol=1e-4)


def test_reported_stds_are_those_of_the_masked_rows():
    model = Pretrainer(tiny(decoder=DecoderConfig(mask_noise=0.0))).eval()
    fbank = torch.randn(2, 96, 128)
    visible = torch.stack([torch.randperm(48)[:9] for _ in range(6)]).view(2, 3, 9)
    masked = torch.ones(2, 3, 48, dtype=torch.bool).scatter(2, visible, False)
    target, _ = model.targets(fbank, None)
    _, prediction = model.predict(fbank, visible, None)
    output = model(fbank, visible)
    for found, rows in (
        (output.prediction_std, prediction[masked]),
        (output.target_std, target[:, None].expand_as(prediction)[masked]),
    ):
        expected = (rows.var(dim=0, unbiased=False) + 1e-6).sqrt().mean()
        torch.testing.assert_close(found, expected.detach(), atol=1e-5, rtol=1e-4)


def test_cls_loss_sum_counts_masks_and_clips():
    fbank, visible = torch.randn(2, 96, 128), torch.arange(9).expand(2, 3, 9)
    losses = {}
    for reduction in ("mean", "sum"):
        torch.manual_seed(0)
        model = Pretrainer(tiny(cls_reduction=reduction)).eval()
        losses[reduction] = model(fbank, visible).cls_loss.detach()
    torch.testing.assert_close(losses["sum"], 6 * losses["mean"])


def test_a_target_normalised_by_patch_keeps_what_all_patches_of_a_clip_share():
    """A constant clip has equal patches but for their positions: by clip nothing else is left."""
    steady = torch.randn(2, 1, 128).expand(2, 96, 128)
    targets = {}
    for norm in ("clip", "patch"):
        torch.manual_seed(0)
        model = Pretrainer(tiny(target_norm=norm, patch=PatchConfig(16, 128))).eval()
        clips = model.targets(steady, None)[0].mean(dim=1)
        targets[norm] = (clips[0] - clips[1]).square().mean()
    assert targets["patch"] > 10 * targets["clip"]


def test_a_target_normalised_by_patch_is_that_of_torch():
    model, fbank = Pretrainer(tiny(target_norm="patch")), torch.randn(2, 96, 128)
    blocks = model.teacher.hidden_states(model.teacher.patches(fbank), None)
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


@pytest.mark.parametrize("norm", ["clip", "patch"])
def test_targets_of_whole_blocks_are_what_the_blocks_return(norm):
    """`end_of_block_targets` of data2vec, as BAT has it: the tokens after the last norm."""
    model = Pretrainer(tiny(target_output="block", target_norm=norm, target_layers=1))
    fbank, frames = torch.randn(2, 96, 128), torch.tensor([96, 64])
    found, valid = model.targets(fbank, frames)
    tokens = model.teacher(fbank, frames).tokens[:, 1:].detach()
    for clip, patches in enumerate(valid.sum(1)):
        rows = tokens[clip, :patches]
        axis = 0 if norm == "clip" else 1
        rows = rows - rows.mean(axis, keepdim=True)
        rows = rows / (rows.square().mean(axis, keepdim=True) + 1e-5).sqrt()
        expected = F.layer_norm(rows, (48,))
        torch.testing.assert_close(found[clip, :patches], expected, atol=1e-5, rtol=1e-4)


def test_targets_of_whole_blocks_are_averaged_over_the_top_blocks():
    model = Pretrainer(tiny(target_output="block", target_norm="patch", depth=3, target_layers=2))
    fbank = torch.randn(1, 96, 128)
    blocks = [
        tokens[:, 1:]
        for tokens, _ in model.teacher.hidden_states(model.teacher.patches(fbank), None)
    ]
    mean = (F.layer_norm(blocks[1], (48,)) + F.layer_norm(blocks[2], (48,))) / 2
    torch.testing.assert_close(model.targets(fbank, None)[0], F.layer_norm(mean, (48,)))
