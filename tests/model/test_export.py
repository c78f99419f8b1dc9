"""Encoders and classifiers can be exported, with any batch size and length."""

import logging

import pytest
import torch
from model.networks import tiny
from torch import nn

from asda.model.classifier import Classifier
from asda.model.encoder import Encoder
from asda.model.model_config import AttentionConfig, PatchConfig

pytestmark = pytest.mark.slow

FORMS = {
    "differential": {},
    "learned lambda": {
        "attention": AttentionConfig(learn_lambda=True, norm="head_rms", head_split="half")
    },
    "standard": {"attention": AttentionConfig(kind="standard")},
    "gated": {"attention": AttentionConfig(kind="gated")},
    "diff_v2": {"attention": AttentionConfig(kind="diff_v2")},
    "frames": {"patch": PatchConfig(4, 128)},
    "overlapping": {"patch": PatchConfig(8, 32, time_stride=4)},
}
SIZES = [(1, 64), (3, 100), (2, 1100)]  # the last is longer than the example


class Tokens(nn.Module):
    """An encoder that returns a tensor."""

    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder

    def forward(self, fbank, num_frames=None):
        return self.encoder(fbank, num_frames).tokens


@pytest.fixture(autouse=True)
def no_trace(monkeypatch):
    """Spare the time that pytest takes to capture the compiler's own trace of each step."""
    monkeypatch.setattr(logging.getLogger("torch.__trace"), "disabled", True)


def network(kind, form):
    torch.manual_seed(0)
    config = tiny(**FORMS[form])
    if kind == "encoder":
        return Tokens(Encoder(config)).eval()
    return Classifier(config, 5, "statistics", "all").eval()


def example():
    return torch.randn(2, 96, 128), torch.tensor([96, 50])


def dynamic():
    # with fewer frames than two patches have, sizes of 1 would be taken for broadcasting
    batch, frames = torch.export.Dim("batch", min=1), torch.export.Dim("frames", min=33)
    return ({0: batch, 1: frames}, {0: batch})


def cases():
    for batch, frames in SIZES:
        yield torch.randn(batch, frames, 128), torch.randint(20, frames + 1, (batch,))


CASES = [
    ("encoder", "differential", False),
    ("classifier", "differential", True),
    ("classifier", "learned lambda", True),
    ("encoder", "standard", False),
    ("encoder", "gated", True),
    ("classifier", "diff_v2", False),
    ("classifier", "frames", False),
    ("encoder", "overlapping", True),
]


@pytest.mark.parametrize(("kind", "form", "gradients"), CASES)
def test_torch_export(kind, form, gradients):
    model = network(kind, form)
    with torch.set_grad_enabled(gradients):
        exported = torch.export.export(model, example(), dynamic_shapes=dynamic()).module()
        for inputs in cases():
            found, expected = exported(*inputs), model(*inputs)
            torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
            assert found.requires_grad == gradients


@pytest.mark.filterwarnings("ignore:# The axis name")
@pytest.mark.parametrize(("kind", "form", "gradients"), [*CASES[:5:2], *CASES[3:5], CASES[6]])
def test_onnx_export(kind, form, gradients, tmp_path):
    pytest.importorskip("onnxscript")
    onnxruntime = pytest.importorskip("onnxruntime")
    model = network(kind, form)
    path = tmp_path / "model.onnx"
    with torch.set_grad_enabled(gradients):
        program = torch.onnx.export(
            model, example(), dynamo=True, dynamic_shapes=dynamic(), verbose=False, optimize=False
        )
    program.save(path)
    session = onnxruntime.InferenceSession(path)
    names = [entry.name for entry in session.get_inputs()]
    for inputs in cases():
        values = [tensor.numpy() for tensor in inputs]
        (found,) = session.run(None, dict(zip(names, values, strict=True)))
        expected = model(*inputs).detach()
        torch.testing.assert_close(torch.from_numpy(found), expected, atol=1e-5, rtol=1e-5)
