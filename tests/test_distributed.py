"""Processes: which variables of the environment make this process one of several."""

import pytest

from asda.distributed import largest_number, start_process

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
