"""A whole update on tensors that only pretend to be on a GPU: what is made on the wrong device, and
copies that the host would wait for, are found without one.

Only the backward pass is left out: PyTorch's engine refuses to run it on such tensors.
"""

import pytest
import torch
from tasks import spoken_words
from torch import nn
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    FakeTensor,
    FakeTensorMode,
)
from torch.utils._python_dispatch import TorchDispatchMode
from training.runs import settings

from asda.cli import main
from asda.configuration import build
from asda.distributed import Process
from asda.tasks.classification import ClassificationTask
from asda.tasks.pretraining import PretrainTask
from asda.tasks.recognition import RecognitionTask
from asda.training.ctc_config import CtcConfig
from asda.training.experiment import Experiment
from asda.training.run_config import FinetuneConfig, PretrainConfig
from asda.training.saver import Saver
from asda.training.train_state import Interval, TrainState
from asda.training.updater import Updater

GPU = torch.device("cuda:0")
UPDATES = 2
MASKED = {"data__padding": "mask"}
AUGMENTED = {"augment": {"mixup_alpha": 0.8, "mixup_per_clip": True, "time_mask": 0.2}}


class NoWaitingCopies(TorchDispatchMode):
    """Refuses copies between devices that the host waits for."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if function is torch.ops.aten._to_copy.default:
            target = kwargs.get("device") or args[0].device
            if torch.device(target).type != args[0].device.type and not kwargs.get("non_blocking"):
                raise AssertionError(f"the host waits for a copy to {target}")
        return function(*args, **kwargs)


@pytest.fixture
def pretended(monkeypatch):
    """Let PyTorch and asda believe in a GPU where they ask for one."""
    monkeypatch.setattr(
        "torch.cuda.amp.common.amp_definitely_not_available", lambda: False, raising=False
    )
    monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda *_, **__: True)
    monkeypatch.setattr("torch.cuda.get_device_capability", lambda *_: (9, 0))


def zero_gradients(loss, parameters):
    assert loss.device == GPU
    for parameter in parameters:
        parameter.grad = torch.zeros_like(parameter)


def sum_of_scores(scores, units, steps, lengths, **options):
    assert {tensor.device for tensor in (scores, units, steps, lengths)} == {GPU}
    return scores.sum()


def on_gpu(model, mode):
    """Replace the parameters of a model by pretended ones; it has no buffers."""
    assert not list(model.buffers())
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            moved = mode.from_tensor(parameter.data).to(GPU)
            module.register_parameter(name, nn.Parameter(moved, parameter.requires_grad))


def updates(task_class, config, monkeypatch):
    """Return the numbers of the updates of a task, with all tensors on a GPU, and their model."""
    process = Process(0, 1, torch.device("cpu"))
    config = task_class.decided(config, process, None)
    task = task_class(config, process)
    process.device = GPU
    saver = Saver(task, Experiment(config, task.verb, process), process)
    loader = iter(task.loader(0))
    batches = [next(loader) for _ in range(UPDATES * config.training.accumulation)]
    mode, state, interval = FakeTensorMode(allow_non_fake_inputs=True), TrainState(), Interval()
    numbers = []
    with mode:
        on_gpu(task.model, mode)
        updater = Updater(task, process, saver)
        monkeypatch.setattr(
            torch.Tensor, "backward", lambda loss: zero_gradients(loss, updater.parameters)
        )
        ready = iter([batch._each(mode.from_tensor) for batch in batches])
        updater.model.train()
        with NoWaitingCopies():
            for _ in range(UPDATES):
                numbers.append(updater.update(ready, state))
                interval.add(numbers[-1], numbers[-1].pop("skipped"))
    assert state.update == UPDATES
    return numbers, updater


def check_devices(numbers, updater):
    for name, value in [item for found in numbers for item in found.items()]:
        assert isinstance(value, FakeTensor) and value.device == GPU, name
    for state in updater.optimizer.state.values():
        assert {tensor.device for tensor in state.values()} == {GPU}
    assert {p.device for p in updater.model.parameters()} == {GPU}


@pytest.mark.parametrize(
    ("precision", "kind", "padding"),
    [
        ("bf16", "differential", {}),
        ("float32", "differential", MASKED),
        ("float32", "standard", {}),
        ("bf16", "gated", MASKED),
        ("bf16", "diff_v2", {"model__decoder": {"kind": "vit", "layers": 1}}),
    ],
)
@pytest.mark.usefixtures("pretended")
def test_pretraining(data, tmp_path, monkeypatch, precision, kind, padding):
    options = {"training__precision": precision, "model__attention": {"kind": kind}} | padding
    content = settings(data, tmp_path / "exp", **options)
    config = build(PretrainConfig, content, "test")
    check_devices(*updates(PretrainTask, config, monkeypatch))


@pytest.mark.parametrize("options", [AUGMENTED, MASKED | AUGMENTED], ids=["filled", "masked"])
@pytest.mark.usefixtures("pretended")
def test_fine_tuning(data, tmp_path, monkeypatch, options):
    content = settings(data, tmp_path / "exp", training__accumulation=2, **options)
    config = build(FinetuneConfig, content, "test")
    check_devices(*updates(ClassificationTask, config, monkeypatch))


@pytest.mark.usefixtures("pretended")
def test_recognition(tmp_path, monkeypatch):
    spoken_words.directory(tmp_path / "train", 40, seed=1)
    text = str(tmp_path / "train")
    main(["units", "--text", text, "--kind", "word", "--out", str(tmp_path / "units")])
    # The CTC loss itself would need values.
    monkeypatch.setattr("torch.nn.functional.ctc_loss", sum_of_scores)
    config = build(CtcConfig, spoken_words.config(tmp_path, tmp_path / "exp"), "test")
    check_devices(*updates(RecognitionTask, config, monkeypatch))


@pytest.mark.parametrize(
    "mistake",
    [lambda x: x + torch.ones(2), lambda x: x.cpu(), lambda x: bool(x[0])],
    ids=["another device", "a copy", "a value"],
)
def test_mistakes_are_noticed(mistake):
    errors = (AssertionError, RuntimeError, DataDependentOutputException)
    with FakeTensorMode(), NoWaitingCopies():
        x = torch.ones(2, device=GPU)
        with pytest.raises(errors):
            mistake(x)
