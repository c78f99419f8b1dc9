"""Several processes agree before they train, and end together when one of them is lost."""

import os
import signal
import socket
import subprocess
import sys
import time

import pytest
from training.ranks import ended, start_ranks
from training.runs import wait_for, write_config

pytestmark = pytest.mark.slow
LONG = {"training__updates": 100000, "training__log_every": 7, "training__save_every": 5}
LONG |= {"training__evaluate_every": 0, "training__lost_after": 0.1}


def errors(said):
    return [line for line in said.splitlines() if "error: " in line]


@pytest.mark.parametrize(
    ("words", "differing"),
    [
        (["--optimizer.lr", "0.01"], "optimizer.lr: 0.005 -> 0.01"),
        (["--training.log_every", "9"], "training.log_every: 7 -> 9"),
    ],
)
def test_processes_with_other_settings_are_refused(data, tmp_path, words, differing):
    config = write_config(data, tmp_path / "run", **LONG)
    command = ["pretrain", "--config", config]
    (first, said), (second, other) = ended(start_ranks([command, [*command, *words]]))
    host = socket.gethostname()
    assert errors(said) == [
        f"asda pretrain: error: process 1 on {host} differs from the first one on {host}"
        f" ({differing}): give all processes the same"
    ]
    assert (first, second) == (1, 1)
    assert "stopped, since another process has failed" in other
    assert not (tmp_path / "run").exists()


@pytest.fixture
def patched(tmp_path, monkeypatch):
    """Return a function that has each process run some lines when it starts."""
    (tmp_path / "site").mkdir()
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}/site:{os.environ.get('PYTHONPATH', '')}")
    return (tmp_path / "site/sitecustomize.py").write_text


OTHER_DATA = """
import os
from asda.training import task
own = task.input_digests
task.input_digests = lambda *given: own(*given) | {"labels of train": os.environ["RANK"]}
"""


def test_processes_with_other_data_under_the_same_path_are_refused(data, tmp_path, patched):
    patched(OTHER_DATA)
    config = write_config(data, tmp_path / "run", **LONG)
    (first, said), _ = ended(start_ranks([["pretrain", "--config", config]] * 2))
    assert first == 1
    (line,) = errors(said)
    assert line.endswith(" (labels of train: 0 -> 1): give all processes the same data")


OTHER_STATE = """
import os
from asda.training import loop
own = loop._Run._restore
def restore(run, path):
    own(run, path)
    run.state.update -= int(os.environ["RANK"])
loop._Run._restore = restore
"""


def test_processes_that_resume_elsewhere_are_refused(data, tmp_path, patched):
    exp = tmp_path / "run"
    command = ["pretrain", "--config", write_config(data, exp, **LONG | {"training__updates": 9})]
    begun = start_ranks([command] * 2)
    assert [status for status, _ in ended(begun)] == [0, 0]
    (exp / "model.pt").unlink()
    patched(OTHER_STATE)
    (first, said), _ = ended(start_ranks([command] * 2))
    assert first == 1
    (line,) = errors(said)
    assert "(completed updates: 9 -> 8): all processes need the same experiment folder" in line


def test_a_process_without_the_experiment_folder_is_refused(data, tmp_path, patched):
    config = write_config(data, tmp_path / "run", **LONG)
    patched("from asda.training import agreement\nagreement.LAG = 0.5\n")
    command = ["pretrain", "--config", config]
    (first, said), _ = ended(start_ranks([command, [*command, "--exp", tmp_path / "elsewhere"]]))
    host = socket.gethostname()
    assert first == 1
    assert errors(said) == [
        f"asda pretrain: error: {tmp_path}/run: process 1 on {host} does not see this folder of the"
        f" first process on {host}; put the experiment on a disk that all hosts share"
    ]
    assert not (tmp_path / "run/.run").exists()


@pytest.mark.parametrize("lost", [0, 1])
@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGKILL])
def test_a_lost_process_ends_the_others_with_one_line(data, tmp_path, lost, number):
    exp = tmp_path / "run"
    processes = start_ranks([["pretrain", "--config", write_config(data, exp, **LONG)]] * 2)
    wait_for(exp, "train 14/")
    processes[lost].send_signal(number)
    began = time.monotonic()
    other = processes[1 - lost]
    said = other.communicate(timeout=60)[1]
    assert time.monotonic() - began < 30  # 6 s until it counts as lost
    processes[lost].kill()
    assert other.returncode == 1
    (line,) = errors(said)
    names = [f"process {lost} on {socket.gethostname()}"]
    names += [f"the first process on {socket.gethostname()}"] * (lost == 0)  # it holds the store
    assert any(name in line for name in names)
    assert "Traceback" not in said
    assert line.endswith("; the same command resumes from the last checkpoint")
    assert (exp / "checkpoint.pt").exists()


def test_torchrun_restarts_a_run_that_has_lost_a_process(data, tmp_path):
    exp = tmp_path / "run"
    options = LONG | {"training__updates": 300, "training__save_every": 5}
    words = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    words += ["--max_restarts=3", "-m", "asda", "pretrain"]
    with subprocess.Popen(
        [sys.executable, *words, "--config", str(write_config(data, exp, **options))],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        text=True,
    ) as launcher:
        wait_for(exp, "train 14/300")
        children = ["ps", "-o", "pid=", "--ppid", str(launcher.pid)]
        found = subprocess.run(children, capture_output=True, text=True, check=True).stdout
        os.kill(int(found.split()[-1]), signal.SIGKILL)
        said = launcher.communicate(timeout=180)[1]
    assert launcher.returncode == 0, said
    assert (exp / "model.pt").exists()
    resumed = [line for line in (exp / "train.log").read_text().splitlines() if "resuming" in line]
    assert resumed  # at a free port, which another program may take before; then it is tried again
