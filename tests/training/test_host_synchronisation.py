"""An update asks the device for no value, so that the host may run ahead of it."""

import pytest
import torch
from training.no_waiting import NoWaiting
from training.runs import run_finetune, run_pretrain

from asda.training.updater import Updater

pytestmark = pytest.mark.usefixtures("no_images")


@pytest.fixture
def no_waiting(monkeypatch):
    """Make updates on batches that are ready under NoWaiting; return how many there were."""
    update, updates = Updater.update, []

    def watched(updater, batches, state):
        ready = [next(batches) for _ in range(updater.config.accumulation)]
        with NoWaiting():
            updates.append(update(updater, iter(ready), state))
        return updates[-1]

    monkeypatch.setattr(Updater, "update", watched)
    return updates


@pytest.mark.parametrize("kind", ["differential", "standard"])
@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_pretraining(data, tmp_path, no_waiting, kind, precision):
    options = {"model__attention": {"kind": kind}, "training__precision": precision}
    run_pretrain(data, tmp_path / "run", training__updates=3, **options)
    assert len(no_waiting) == 3


def test_fine_tuning(data, tmp_path, no_waiting):
    run_finetune(data, tmp_path / "run", training__updates=3)
    assert len(no_waiting) == 3


@pytest.mark.parametrize(
    "ask",
    [lambda x: x.sum().item(), lambda x: x[x > 0], lambda x: x.nonzero(), lambda x: bool(x[0])],
)
def test_waiting_is_noticed(ask):
    with pytest.raises(AssertionError, match="waits"), NoWaiting():
        ask(torch.ones(2))
