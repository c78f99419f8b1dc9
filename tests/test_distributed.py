"""Processes: which variables of the environment make this process one of several."""

import pytest
import torch

from asda.distributed import find_device, largest_number, start_process
from asda.files import InputError

LAUNCH = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "LOCAL_RANK")


@pytest.fixture
def alone(monkeypatch):
    for name in LAUNCH:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    "found",
    [
        {"WORLD_SIZE": "1"},
        {"WORLD_SIZE": "4", "RANK": "2"},
        {"WORLD_SIZE": "2", "MASTER_ADDR": "node1", "MASTER_PORT": "29500"},
        {"WORLD_SIZE": "two", "LOCAL_RANK": "one"},
    ],
)
@pytest.mark.usefixtures("alone")
def test_variables_of_a_cluster_make_no_process_group(monkeypatch, found):
    for name, value in found.items():
        monkeypatch.setenv(name, value)
    process = start_process("auto")
    assert (process.rank, process.world_size) == (0, 1)
    assert largest_number(7) == 7


@pytest.fixture
def two_gpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)


@pytest.mark.usefixtures("alone", "two_gpus")
def test_a_gpu_can_be_named_without_its_number():
    assert start_process("cuda").device.type == "cuda"


def launched(monkeypatch, local_rank):
    for name in LAUNCH:
        monkeypatch.setenv(name, local_rank)


@pytest.mark.parametrize("name", ["auto", "cuda"])
@pytest.mark.usefixtures("alone", "two_gpus")
def test_each_process_of_a_host_has_a_gpu_of_its_own(monkeypatch, name):
    assert find_device(name) == torch.device("cuda")
    launched(monkeypatch, "1")
    assert find_device(name) == torch.device("cuda:1")


@pytest.mark.usefixtures("alone", "two_gpus")
def test_more_processes_than_gpus_are_refused(monkeypatch):
    launched(monkeypatch, "2")
    with pytest.raises(InputError, match=r"cuda:2: .* 2 GPUs .*one process for each GPU"):
        find_device("auto")
