"""The baseline of tools/bench/training_step.py computes what the reference does."""

import importlib.util

import numpy as np
import pytest
import torch
from parity import golden

from asda.checkpoint.load import read_model
from asda.model.pretrainer import Pretrainer

pytestmark = pytest.mark.slow

LIMIT = 1e-5


@pytest.fixture(scope="module")
def textbook(repository):
    path = repository / "tools/bench/textbook.py"
    spec = importlib.util.spec_from_file_location("textbook", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(params=golden.names("asda"))
def folder(request, tmp_path):
    return golden.folder(request.param, tmp_path)


@pytest.fixture
def step(folder):
    return dict(np.load(folder / "pretrain_step.npz"))


@pytest.fixture
def saved(folder):
    return read_model(folder / "checkpoint.pt")


@pytest.fixture
def pretrainer(textbook, saved, step):
    config = saved.config
    config.decoder.mask_noise = 0.0
    model = textbook.Pretrainer(config, step["fbank"].shape[2])
    model.load_state_dict(saved.weights)
    return model.train()


def inputs(step):
    return torch.from_numpy(step["fbank"])[:, 0], torch.from_numpy(step["mask"])


def assert_close(found, expected, what):
    found = np.asarray(torch.as_tensor(found).detach(), dtype=np.float64)
    assert found.shape == expected.shape, what
    assert np.abs(found - expected).max() <= LIMIT * np.abs(expected).max(), what


def test_forward_and_losses(pretrainer, step):
    fbank, mask = inputs(step)
    assert_close(pretrainer.targets(fbank), step["teacher_target"], "teacher_target")
    cls, prediction = pretrainer.predict(fbank, mask)
    assert_close(cls, step["student_encoder_output"][:, 0], "student CLS")
    assert_close(prediction, step["decoder_output"], "decoder_output")
    frame_loss, cls_loss = pretrainer(fbank, mask)
    assert_close(frame_loss, step["loss_patch"], "loss_patch")
    assert_close(cls_loss, step["loss_cls"], "loss_cls")


def test_gradients_are_those_of_asda(pretrainer, saved, step):
    fbank, mask = inputs(step)
    sum(pretrainer(fbank, mask)).backward()
    own = Pretrainer(pretrainer.config)
    own.load_state_dict(saved.weights)
    kept = np.stack([np.flatnonzero(row == 0) for row in step["mask"]])
    own(fbank, torch.from_numpy(kept).unflatten(0, (len(fbank), -1))).loss.backward()
    found = dict(pretrainer.named_parameters())
    trained = {name: p.grad for name, p in own.named_parameters() if p.requires_grad}
    assert trained.keys() == {name for name, p in found.items() if p.requires_grad}
    for name, grad in trained.items():
        torch.testing.assert_close(found[name].grad, grad, rtol=1e-3, atol=1e-5 * grad.abs().max())


@torch.no_grad()
def test_logits_of_the_fine_tuned_model(textbook, folder):
    saved = read_model(folder / "finetuned.pt")
    fbank = torch.from_numpy(np.load(folder / "features.npz")["fbank"])[:, 0]
    model = textbook.Classifier(saved.config, 7, fbank.shape[1])
    model.load_state_dict(saved.weights)
    expected = np.load(folder / "classify.npz")["logits"]
    assert_close(model.eval()(fbank), expected, "logits")
