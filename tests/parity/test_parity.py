"""Every array of golden folders and, where they exist, of the reference's own outputs."""

import numpy as np
import pytest
import torch
from parity import golden

from asda.checkpoint.foreign.fairseq_names import reference_name
from asda.checkpoint.load import read_model
from asda.checkpoint.saved_model import load_weights
from asda.model.pretrainer import Pretrainer
from asda.tasks.pretraining import teacher_decay
from asda.training.run_config import TeacherConfig

LIMIT = 1e-5


def own_names(model):
    """Our name of each of the reference's tensors."""
    return {reference_name(name): name for name in model.state_dict()}


def assert_close(found, expected, what, record_property):
    """Compare by the largest absolute error over the largest absolute reference value."""
    found = np.asarray(torch.as_tensor(found).detach().cpu(), dtype=np.float64)
    expected = np.asarray(expected, dtype=np.float64)
    assert found.shape == expected.shape, what
    error = np.abs(found - expected).max() / np.abs(expected).max()
    record_property(what, float(error))
    print(f"{what}: {error:.1e}")
    assert error <= LIMIT, what


def load_pretrainer(folder, device="cpu"):
    path = folder / "checkpoint.pt"
    saved = read_model(path)
    config = saved.config
    config.decoder.mask_noise = 0.0
    model = Pretrainer(config)
    load_weights(model, saved.weights, path)
    return model.to(device).train()


def load_classifier(folder):
    return read_model(folder / "finetuned.pt").build()


def visible_patches(mask, batch):
    """Return indices (batch, masks, visible) of the zeros of a mask (batch * masks, patches)."""
    visible = np.stack([np.flatnonzero(row == 0) for row in mask])
    return torch.from_numpy(visible).unflatten(0, (batch, -1))


def encode(model, fbank, visible):
    """Return targets, and for each mask the student's CLS and tokens and the decoder's output."""
    target, valid = model.targets(fbank, None)
    cls, tokens = model.encode_visible(fbank, visible, ragged=False)
    _, prediction = model.predict(fbank, visible, valid)
    return target, cls, tokens, prediction.flatten(0, 1)


@pytest.fixture(params=golden.names("asda", "eat"))
def folder(request, tmp_path):
    return golden.folder(request.param, tmp_path)


@pytest.fixture
def pretrainer(folder, device):
    return load_pretrainer(folder, device)


@pytest.fixture
def step(folder):
    return dict(np.load(folder / "pretrain_step.npz"))


def inputs(step, device):
    fbank = torch.from_numpy(step["fbank"])[:, 0]
    return fbank.to(device), visible_patches(step["mask"], len(fbank)).to(device)


def test_forward_and_losses(pretrainer, step, device, record_property):
    fbank, visible = inputs(step, device)
    target, cls, tokens, prediction = encode(pretrainer, fbank, visible)
    assert_close(target, step["teacher_target"], "teacher_target", record_property)
    student = step["student_encoder_output"]
    assert_close(cls, student[:, 0], "student CLS", record_property)
    # The order of visible tokens is arbitrary in the reference: match each to its nearest.
    for own, reference in zip(tokens.cpu(), torch.from_numpy(student[:, 1:]), strict=True):
        order = torch.cdist(own, reference).argmin(dim=1)
        assert len(set(order.tolist())) == len(order)
        assert_close(own, reference[order], "student tokens", record_property)
    assert_close(prediction, step["decoder_output"], "decoder_output", record_property)
    output = pretrainer(fbank, visible)
    assert_close(output.frame_loss, step["loss_patch"], "loss_patch", record_property)
    assert_close(output.cls_loss, step["loss_cls"], "loss_cls", record_property)
    assert_close(output.loss, step["loss_total"], "loss_total", record_property)


def test_gradient_norms(pretrainer, step, device, record_property):
    pretrainer(*inputs(step, device)).loss.backward()
    parameters = dict(pretrainer.named_parameters())
    own = own_names(pretrainer)
    names = [own[str(name)] for name in step["grad_names"]]
    trained = {name for name, parameter in parameters.items() if parameter.requires_grad}
    assert set(names) == trained
    norms = torch.stack([parameters[name].grad.norm() for name in names])
    assert_close(norms, step["grad_norms"], "grad_norms", record_property)
    relative = np.abs(norms.cpu().numpy() / step["grad_norms"] - 1)
    assert relative.max() < 1e-3, names[int(relative.argmax())]


def test_ema_step(pretrainer, step, record_property):
    decay = teacher_decay(int(step["ema_update"]), TeacherConfig())
    assert decay == pytest.approx(float(step["ema_decay"]), abs=1e-12)
    with torch.no_grad():
        for parameter in pretrainer.student.parameters():
            parameter += 0.01
    pretrainer.update_teacher(decay)
    teacher = dict(pretrainer.teacher.named_parameters())
    own, norms, expected = own_names(pretrainer), [], []
    for name, norm in zip(step["ema_names"], step["ema_norms"], strict=True):
        if not str(name).endswith("positions"):
            norms.append(teacher[own[f"_ema.{name}"].removeprefix("teacher.")].norm())
            expected.append(norm)
    assert len(norms) == len(teacher)
    assert_close(torch.stack(norms), np.array(expected), "ema_norms", record_property)


@torch.no_grad()
def test_features_of_the_student(pretrainer, folder, device, record_property):
    expected = np.load(folder / "features.npz")
    student = pretrainer.student.eval()
    fbank = torch.from_numpy(expected["fbank"])[:, 0].to(device)
    *_, (tokens, ffn) = student.hidden_states(student.patches(fbank), None)
    assert_close(tokens, expected["tokens"], "tokens", record_property)
    assert_close(ffn, expected["last_ffn_output"], "last_ffn_output", record_property)
    half = student(fbank[:, : fbank.shape[1] // 2]).tokens
    assert_close(half, expected["tokens_half_length"], "tokens_half_length", record_property)


@torch.no_grad()
def test_logits_of_the_fine_tuned_model(folder, device, record_property):
    fbank = torch.from_numpy(np.load(folder / "features.npz")["fbank"])[:, 0].to(device)
    expected = np.load(folder / "classify.npz")["logits"]
    assert_close(load_classifier(folder).to(device)(fbank), expected, "logits", record_property)
