"""One training on two hosts: two network namespaces with names and addresses of their own."""

import contextlib
import os
import shutil
import subprocess
import time

import pytest
import torch
from training.ranks import ended, start_ranks
from training.runs import column, run_pretrain, write_config

from asda.checkpoint.load import read_model

pytestmark = pytest.mark.slow
NAMES = ("node1", "node2")
# As with tests/tasks/test_two_processes.py: the same clips per update, and no noise.
ALIKE = {"optimizer__eps": 1e-3, "model__decoder__mask_noise": 0.0, "training__updates": 6}


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


@pytest.fixture(scope="module")
def hosts():
    """Return the beginning of a command line on each host, and a function that cuts their link."""
    if not shutil.which("ip") or not shutil.which("unshare"):
        pytest.skip("network namespaces need the programs ip and unshare")
    spaces = [f"asda{os.getpid()}{name}" for name in NAMES]
    links = [f"asda{os.getpid() % 10**6}{end}" for end in "ab"]
    with contextlib.ExitStack() as stack:
        try:
            for space in spaces:
                ip("netns", "add", space)
                stack.callback(ip, "netns", "delete", space)
            ip("link", "add", links[0], "type", "veth", "peer", "name", links[1])
        except subprocess.CalledProcessError as error:
            pytest.skip(f"network namespaces cannot be made here: {error.stderr.strip()}")
        for number, (space, link) in enumerate(zip(spaces, links, strict=True), 1):
            ip("link", "set", link, "netns", space)
            ip("-n", space, "address", "add", f"10.231.0.{number}/24", "dev", link)
            for device in (link, "lo"):
                ip("-n", space, "link", "set", device, "up")
        starts = [
            [
                *f"ip netns exec {space} env GLOO_SOCKET_IFNAME={link} unshare --uts sh -c".split(),
                f'hostname {name} && exec "$@"',
                "sh",
            ]
            for name, space, link in zip(NAMES, spaces, links, strict=True)
        ]
        yield starts, lambda: ip("-n", spaces[0], "link", "set", links[0], "down")


def test_two_hosts_train_as_one_process(hosts, data, tmp_path, no_images):
    config = write_config(data, tmp_path / "two", **ALIKE)
    command = ["pretrain", "--config", config, "--data.batch_size", 2]
    started = start_ranks([command] * 2, hosts[0], "10.231.0.1")
    found = ended(started)
    assert [status for status, _ in found] == [0, 0], found[0][1] + found[1][1]
    run_pretrain(data, tmp_path / "one", **ALIKE)
    one, two = (read_model(tmp_path / name / "model.pt").weights for name in ("one", "two"))
    for name, tensor in one.items():
        torch.testing.assert_close(two[name], tensor, rtol=1e-4, atol=1e-5)
    losses = [column(tmp_path / name, "train/loss") for name in ("one", "two")]
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)


def test_a_cut_link_ends_both_hosts_with_one_line(hosts, data, tmp_path):
    exp = tmp_path / "run"
    options = {"training__updates": 100000, "training__save_every": 5, "training__lost_after": 0.1}
    command = ["pretrain", "--config", write_config(data, exp, **options)]
    processes = start_ranks([command] * 2, hosts[0], "10.231.0.1")
    end = time.monotonic() + 60
    while not (exp / "checkpoint.pt").exists():
        assert time.monotonic() < end, processes[0].poll()
        time.sleep(0.1)
    hosts[1]()
    began = time.monotonic()
    found = ended(processes)
    assert time.monotonic() - began < 30  # 6 s until the other one counts as lost
    assert [status for status, _ in found] == [1, 1]
    for (_, said), other in zip(found, ("node2", "node1"), strict=True):
        (line,) = [line for line in said.splitlines() if "error: " in line]
        assert "lost " in line
        assert f" on {other}" in line
        assert "Traceback" not in said
