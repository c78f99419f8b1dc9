"""A form that cannot make a step, such as one without a compiler, is told in a line."""

import importlib

import pytest
import torch

pytestmark = pytest.mark.slow


@pytest.fixture
def step_worker(repository, monkeypatch):
    monkeypatch.syspath_prepend(repository / "tools/bench")
    return importlib.import_module("step_worker")


@pytest.fixture
def form(step_worker):
    return step_worker.Form("bad", True, torch.float32, {"backend": "no_such_compiler"})


class Connection:
    """The end of a pipe that asks for steps and keeps the answers."""

    def __init__(self):
        self.answers = []

    def recv(self):
        return "step"

    def send(self, answer):
        self.answers.append(answer)


def test_an_error_ends_the_process_with_its_first_line(step_worker, form):
    connection = Connection()
    step_worker.work(connection, "inference", 1, "cpu", "tiny", form)
    [answer] = connection.answers
    assert "no_such_compiler" in answer and "\n" not in answer


def test_a_process_that_dies_is_noticed(step_worker, form):
    worker = step_worker.Worker("no such case", 1, "cpu", "tiny", form)
    with pytest.raises(step_worker.StepError, match="KeyError: 'no such case'"):
        worker.step()
