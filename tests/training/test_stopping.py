"""Signals to real trainings: the update is finished and saved, and the run resumes bit for bit."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

import numpy as np
import pytest
import soundfile
from training.runs import (
    asda,
    assert_same_weights,
    history,
    run_finetune,
    run_pretrain,
    wait_for,
    write_config,
)

from asda.checkpoint import tensor_files
from asda.stop_signals import Stopped
from asda.training.experiment import BEGIN

pytestmark = pytest.mark.slow
# Much longer than it takes to send a signal; only Ctrl-C saves, and between two lines of the log.
LONG = {"training__updates": 300, "training__log_every": 7, "training__save_every": 1000}
LONG |= {"training__evaluate_every": 40}


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory):
    """The folder of a run that was not stopped, and its model."""
    exp = tmp_path_factory.mktemp("whole") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("asda.training.progress.draw_curves", lambda history, folder: None)
        return exp, run_finetune(data, exp, valid=data / "valid", **LONG)


def state(exp):
    return tensor_files.load(exp / "checkpoint.pt")["state"]


@pytest.mark.parametrize(
    ("number", "workers"),
    [(signal.SIGINT, 1), (signal.SIGTERM, 0), (signal.SIGHUP, 0), (signal.SIGUSR1, 0)],
)
def test_a_stopped_run_loses_nothing(data, tmp_path, whole, number, workers):
    exp = tmp_path / "run"
    options = LONG | {"valid": data / "valid", "data__workers": workers}
    with asda("finetune", "--config", write_config(data, exp, **options)) as process:
        wait_for(exp, "train 14/300")
        process.send_signal(number)
        said = process.communicate(timeout=60)[1]
    assert process.returncode == -number
    stopped_at = state(exp)["update"]
    assert 14 <= stopped_at < 300
    message = f"stopped after update {stopped_at} of 300; saved to {exp}/checkpoint.pt;"
    assert said.count(f"{message} the same command resumes there\n") == 1
    assert message in (exp / "train.log").read_text()
    assert not (exp / "model.pt").exists()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("asda.training.progress.draw_curves", lambda history, folder: None)
        resumed = run_finetune(data, exp, **options)
    assert_same_weights(whole[1], resumed)
    assert history(exp) == history(whole[0])


def started_in_group(command):
    """Start asda in a group of processes of its own, which can be signalled as a whole."""
    return subprocess.Popen(
        [sys.executable, "-m", "asda", *command],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_workers_that_get_the_signal_too_go_on(data, tmp_path):
    """As from a terminal or a cluster, which signal all processes of a job."""
    exp = tmp_path / "run"
    options = LONG | {"valid": data / "valid", "data__workers": 2}
    command = ["finetune", "--config", str(write_config(data, exp, **options))]
    with started_in_group(command) as process:
        wait_for(exp, "train 14/300")
        os.killpg(process.pid, signal.SIGTERM)
        said = process.communicate(timeout=60)[1]
    assert process.returncode == -signal.SIGTERM
    assert f"stopped after update {state(exp)['update']} of 300; saved" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("workers", [0, 1])
def test_commands_that_give_audio_finish_too(tmp_path, workers):
    """They belong to the group of processes that Ctrl-C reaches."""
    train = tmp_path / "train"
    train.mkdir()
    soundfile.write(tmp_path / "a.wav", np.random.default_rng(0).normal(0, 0.1, 8000), 16000)
    (train / "wav.scp").write_text(f"a sleep 0.2; cat {tmp_path}/a.wav |\n")
    (train / "utt2spk").write_text("a a\n")
    (train / "spk2utt").write_text("a a\n")
    (train / "utt2dur").write_text("a 0.5\n")
    (tmp_path / "fbank.yaml").write_text("num_mel_bins: 16\n")
    exp = tmp_path / "run"
    options = {"fbank": tmp_path / "fbank.yaml", "data__workers": workers, "data__batch_size": 1}
    config = write_config(tmp_path, exp, **LONG | options | {"training__log_every": 1})
    with started_in_group(["pretrain", "--config", str(config)]) as process:
        wait_for(exp, "train 2/300")
        os.killpg(process.pid, signal.SIGINT)
        said = process.communicate(timeout=60)[1]
    assert f"stopped after update {state(exp)['update']} of 300; saved" in said
    assert "failed" not in said


@pytest.mark.parametrize("one_only", [False, True])
def test_several_processes_stop_after_the_same_update(data, tmp_path, one_only):
    exp = tmp_path / "run"
    config = write_config(data, exp, **LONG, data__workers=1)
    with asda("pretrain", "--config", config, processes=2) as launcher:
        wait_for(exp, "train 14/300")
        if one_only:
            children = subprocess.run(
                ["ps", "-o", "pid=", "--ppid", str(launcher.pid)], capture_output=True, text=True
            )
            os.kill(int(children.stdout.split()[-1]), signal.SIGTERM)
        else:
            launcher.send_signal(signal.SIGINT)
        launcher.communicate(timeout=60)
    log = (exp / "train.log").read_text()
    stopped_at = state(exp)["update"]
    assert f"stopped after update {stopped_at} of 300; saved to {exp}/checkpoint.pt" in log
    # Numbers since the last line of the log are those of each process.
    assert tensor_files.load(exp / "checkpoint.pt")["interval"]["sums"]["loss"].shape == (2,)


def test_processes_end_with_torchrun_that_is_killed(data, tmp_path):
    exp = tmp_path / "run"
    config = write_config(data, exp, **LONG)
    with asda("pretrain", "--config", config, processes=2) as launcher:
        wait_for(exp, "train 14/300")
        launcher.kill()
        launcher.communicate(timeout=60)  # until the last of them closes its standard error
    stopped_at = state(exp)["update"]
    assert 14 <= stopped_at < 300
    assert f"stopped after update {stopped_at} of 300; saved" in (exp / "train.log").read_text()


SLOW_SECOND = """
import time
from asda.cli import main
from asda.training import loop

resume = loop._Run.resume

def slowly(run):
    resume(run)
    time.sleep(3 * run.process.rank)

loop._Run.resume = slowly
main()
"""


def test_several_processes_stop_together_before_their_first_update(data, tmp_path):
    """One that comes to its first update must not wait for another that has stopped already."""
    exp = tmp_path / "run"
    (tmp_path / "slow.py").write_text(SLOW_SECOND)
    command = ["pretrain", "--config", str(write_config(data, exp, **LONG))]
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    with subprocess.Popen(
        [sys.executable, *launcher, str(tmp_path / "slow.py"), *command],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        wait_for(exp, BEGIN)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=60)[1]
    assert said.count("stopped before the first update of this call; nothing is lost") == 1
    assert "gloo" not in said
    assert not (exp / "config.yaml").exists()


def test_another_number_of_processes_is_refused_unless_updates_hold_as_many_clips(
    data, tmp_path, no_images
):
    exp = tmp_path / "run"
    config = write_config(data, exp, **LONG)
    with asda("pretrain", "--config", config, processes=2) as launcher:
        wait_for(exp, "train 14/300")
        launcher.send_signal(signal.SIGINT)
        launcher.communicate(timeout=60)
    script = (exp / "run.sh").read_text()
    assert "exec torchrun --standalone --nproc_per_node 2 -m asda pretrain --config" in script
    with asda("pretrain", "--config", config) as process:
        said = process.communicate(timeout=60)[1]
    change = "2 processes, 8 clips per update -> 1, 4"
    assert f"error: {exp} holds a run with another number of processes ({change})" in said
    assert said.count("\n") == 1
    assert (exp / "run.sh").read_text() == script
    before = state(exp)
    with asda("pretrain", "--config", config, "--training.accumulation", 2) as process:
        wait_for(exp, f"train {before['update'] // 7 * 7 + 14}/300")
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=60)[1]
    assert "another number of processes (2 processes, 8 clips per update -> 1, 8)" in said
    after = state(exp)
    assert after["batches"] == 2 * after["update"]
    assert "exec asda pretrain" in (exp / "run.sh").read_text()


def test_a_signal_at_the_start_loses_nothing(data, tmp_path, monkeypatch):
    def killed(task, init):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(1)

    monkeypatch.setattr("asda.tasks.pretraining.PretrainTask.build_model", killed)
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Stopped, match="before the first update of this call; nothing is lost"):
        run_pretrain(data, tmp_path / "run")
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_signal_during_an_evaluation(data, tmp_path, monkeypatch, no_images):
    """The evaluation is finished; it counts once."""
    from asda.tasks.classification import ClassificationTask

    evaluate = ClassificationTask.evaluate

    def killed(task):
        os.kill(os.getpid(), signal.SIGTERM)
        return evaluate(task)

    options = {"valid": data / "valid", "training__updates": 6, "training__evaluate_every": 2}
    whole = run_finetune(data, tmp_path / "whole", **options)
    with monkeypatch.context() as patch, pytest.raises(Stopped):
        patch.setattr(ClassificationTask, "evaluate", killed)
        run_finetune(data, tmp_path / "run", **options)
    assert state(tmp_path / "run")["update"] == 2
    assert_same_weights(whole, run_finetune(data, tmp_path / "run", **options))
    assert history(tmp_path / "run") == history(tmp_path / "whole")


def test_a_signal_before_an_evaluation_leaves_it_to_the_next_call(
    data, tmp_path, monkeypatch, no_images
):
    from asda.tasks.classification import ClassificationTask

    loss = ClassificationTask.loss

    def killed(task, model, batch, seed):
        os.kill(os.getpid(), signal.SIGTERM)
        return loss(task, model, batch, seed)

    options = {"valid": data / "valid", "training__updates": 3, "training__evaluate_every": 1}
    whole = run_finetune(data, tmp_path / "whole", **options)
    with monkeypatch.context() as patch, pytest.raises(Stopped):
        patch.setattr(ClassificationTask, "loss", killed)
        run_finetune(data, tmp_path / "run", **options)
    assert (state(tmp_path / "run")["update"], state(tmp_path / "run")["evaluated"]) == (1, 0)
    assert_same_weights(whole, run_finetune(data, tmp_path / "run", **options))
    assert history(tmp_path / "run") == history(tmp_path / "whole")


WAITING = """
import sys, time
from asda.stop_signals import StopRequests
stop = StopRequests()
with stop.handled(), stop.deferred():
    print("ready", flush=True)
    end = time.monotonic() + float(sys.argv[1])
    while time.monotonic() < end:
        time.sleep(0.05)
print("over", stop.received, flush=True)
"""


def waiting(seconds, **options):
    process = subprocess.Popen(
        [sys.executable, "-c", WAITING, str(seconds)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )
    assert process.stdout.readline() == "ready\n"
    return process


def test_a_second_signal_ends_at_once():
    with waiting(60) as process:
        process.send_signal(signal.SIGINT)
        time.sleep(1.2)
        process.send_signal(signal.SIGINT)
        out, said = process.communicate(timeout=10)
    assert (process.returncode, out) == (-signal.SIGINT, "")
    assert (
        said
        == "asda: finishing this update and saving; a second signal ends at once, without saving\n"
    )


def test_one_request_that_arrives_twice_is_one():
    with waiting(0.8) as process:
        process.send_signal(signal.SIGINT)
        time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=10)[0] == f"over {int(signal.SIGINT)}\n"


def test_signals_that_nohup_ignores_stay_ignored():
    with waiting(0.5, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)) as process:
        process.send_signal(signal.SIGHUP)
        assert process.communicate(timeout=10) == ("over None\n", "")


def in_terminal(columns, command, until):
    """Run a command in a terminal, press Ctrl-C when it shows `until`; return what it showed."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["OMP_NUM_THREADS"] = "1"
        os.environ.pop("COLUMNS", None)
        os.execv(command[0], command)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    shown = b""
    pressed = False
    while select.select([terminal], [], [], 60)[0]:
        try:
            shown += os.read(terminal, 65536)
        except OSError:  # how Linux tells that the other side is closed
            break
        if until in shown and not pressed:
            os.write(terminal, b"\x03")
            pressed = True
    return shown.decode(), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_terminal_of_80_columns(data, tmp_path):
    exp = tmp_path / "run"
    config = write_config(data, exp, valid=data / "valid", **LONG)
    command = [sys.executable, "-m", "asda", "finetune", "--config", str(config)]
    shown, status = in_terminal(80, command, b"valid 80/300")
    assert status == -signal.SIGINT
    assert "Traceback" not in shown
    pieces = [piece for line in shown.split("\n") for piece in line.split("\r")]
    assert max(len(piece) for piece in pieces if re.match(r"\d+/300|valid", piece)) < 80
    assert any(re.fullmatch(r"\d+/300 \d+ % [\d.e+]+/s \d+ s loss [\d.]+", p) for p in pieces)
    kept = [line.rstrip("\r").rpartition("\r")[2].rstrip() for line in shown.split("\n")]
    rows = [line for line in kept if line.startswith("valid ")]
    assert re.fullmatch(r"valid 40/300  loss [\d.]+  (accuracy|mAP) [\d.]+", rows[0])
    assert kept[-2].startswith("stopped after update ")
    assert kept[-1] == ""
