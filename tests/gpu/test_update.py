"""Updates on a GPU: mixed precision near float32, and a host that need not wait."""

import contextlib

import numpy as np
import pytest
import torch
from parity import golden
from parity.test_parity import load_pretrainer, visible_patches
from training.no_waiting import NoWaiting
from training.runs import run_finetune, run_pretrain

from asda.kernels.precision import autocast
from asda.training.updater import Updater

pytestmark = [pytest.mark.gpu, pytest.mark.usefixtures("no_images")]

SCALE = 128.0  # of the loss in fp16, as training begins with
LIMITS = {"bf16": 0.05, "fp16": 0.01}  # distance to float32 over its norm; bf16 has 8 bits


def step(folder, device, precision):
    """Return the loss of a pretraining step and its gradient, in one vector."""
    arrays = np.load(folder / "pretrain_step.npz")
    fbank = torch.from_numpy(arrays["fbank"])[:, 0]
    visible = visible_patches(arrays["mask"], len(fbank))
    model = load_pretrainer(folder, device)
    with autocast(device, precision):
        loss = model(fbank.to(device), visible.to(device)).loss
    scale = SCALE if precision == "fp16" else 1.0
    (scale * loss).backward()
    grads = [p.grad.flatten() / scale for p in model.parameters() if p.requires_grad]
    return loss.detach(), torch.cat(grads)


@pytest.mark.parametrize("form", golden.FORMS)
@pytest.mark.parametrize("precision", LIMITS)
def test_half_precision_is_near_float32(tmp_path, gpu, form, precision):
    folder = golden.folder(f"golden-{form}", tmp_path)
    loss, grad = step(folder, gpu, "float32")
    other_loss, other_grad = step(folder, gpu, precision)
    assert grad.isfinite().all() and other_grad.isfinite().all()
    assert abs(float(other_loss / loss) - 1) < LIMITS[precision] / 5
    assert (other_grad - grad).norm() < LIMITS[precision] * grad.norm()


@contextlib.contextmanager
def errors_for_waiting(device):
    """Raise where the host waits for the device within the block."""
    if device.type == "cpu":
        with NoWaiting():
            yield
        return
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.fixture
def updates(monkeypatch, gpu):
    """Refuse to wait in all updates but the first, in which kernels are loaded; return them."""
    update, found = Updater.update, []

    def watched(updater, batches, state):
        ready = iter([next(batches) for _ in range(updater.config.accumulation)])
        with errors_for_waiting(gpu) if found else contextlib.nullcontext():
            found.append(update(updater, ready, state))
        return found[-1]

    monkeypatch.setattr(Updater, "update", watched)
    return found


@pytest.mark.parametrize("padding", ["fill", "mask"])
def test_pretraining_does_not_wait(data, tmp_path, gpu, updates, padding):
    options = {"training__device": str(gpu), "training__precision": "bf16"}
    run_pretrain(data, tmp_path / "run", data__padding=padding, **options)
    assert len(updates) == 8


def test_fine_tuning_does_not_wait(data, tmp_path, gpu, updates):
    augment = {"mixup_alpha": 0.8, "mixup_per_clip": True, "time_mask": 0.2, "freq_mask": 0.2}
    options = {"training__device": str(gpu), "augment": augment, "data__workers": 1}
    run_finetune(data, tmp_path / "run", **options)
    assert len(updates) == 8
