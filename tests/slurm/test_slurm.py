"""utils/slurm.pl on a real Slurm: one controller and two nodes on this machine."""

import signal
import subprocess
import sys

import pytest
from slurm.queued import LONG, next_line, queue, text, wait_for

pytestmark = pytest.mark.slow


def test_arrays_run_with_kaldis_logs_and_are_cut_where_slurm_allows_no_more(slurm_pl, place):
    """MaxArraySize is 20, so that 19 is the largest index."""
    done = slurm_pl("JOB=18:23", "log/x.JOB.log", "echo", "task JOB", "|", "cat")
    assert (done.returncode, done.stderr) == (0, "")
    logs = [(place / f"log/x.{number}.log").read_text() for number in range(18, 24)]
    assert all(f"\ntask {n}\n" in log for n, log in enumerate(logs, 18))
    assert logs[3].startswith('# echo "task 21" | cat\n# Started at ')
    assert "# Ended (code 0) at " in logs[3]


def test_each_reason_of_a_failure_is_said_at_once_beside_the_log(slurm_pl, place):
    script = (
        "import time; print('begun', flush=True); open('begun.JOB', 'w');"
        "full = bytearray(300_000_000 if JOB == 1 else 1); time.sleep(60 if JOB < 4 else 0);"
        "raise SystemExit(JOB == 4)"
    )
    process = slurm_pl.start("--mem", "100", "JOB=1:5", "x.JOB.log", sys.executable, "-c", script)
    wait_for((place / "begun.2").exists)
    job = queue("%F")[0]
    subprocess.run(["scancel", f"{job}_2"], check=True)
    said = next_line(process)
    assert ": Slurm ended task" in said
    wait_for((place / "begun.3").exists)
    subprocess.run(["scontrol", "update", f"jobid={job}_3", "EndTime=now+2"], check=True)
    _, err = process.communicate(timeout=LONG)
    said += err
    assert f"JOB=1: Slurm ended task {job}_1 (OUT_OF_MEMORY): it used more memory" in said
    assert f"JOB=2: Slurm ended task {job}_2 (CANCELLED): it was cancelled" in said
    assert f"Slurm ended task {job}_3 (TIMEOUT): it reached its time limit" in said
    assert "4 of 5 jobs failed (JOB=1, 2, 3, 4); JOB=1: Slurm ended task" in said
    assert "x.1.log ends:\n" in said
    assert "\n  begun\n" in said


def test_a_node_that_fails_is_named_and_its_task_runs_again(slurm_pl, place):
    process = slurm_pl.start("JOB=1:1", "x.JOB.log", "eval", "echo run >> runs; sleep 5")
    node = wait_for(lambda: [n for n in queue("%N") if n in ("n1", "n2")])[0]
    wait_for((place / "runs").exists)
    update = ["scontrol", "update", f"NodeName={node}"]
    subprocess.run([*update, "State=DOWN", "Reason=test"], check=True)
    subprocess.run([*update, "State=RESUME"], capture_output=True)  # it may be back by itself
    _, err = process.communicate(timeout=LONG)
    assert (process.returncode, err) == (0, "")
    assert (place / "runs").read_text() == "run\nrun\n"


@pytest.mark.parametrize("name", ["50%j of %a", "back\\slash"])
def test_patterns_of_slurm_in_a_path_are_no_patterns(slurm_pl, place, name, monkeypatch):
    (place / name).mkdir()
    monkeypatch.chdir(place / name)
    done = slurm_pl(f"{name}.JOB/x.log", "pwd")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"\n{place / name}\n" in (place / name / f"{name}.JOB/x.log").read_text()


def test_jobs_have_the_environment_of_the_call(slurm_pl, place, monkeypatch):
    for name in ("SBATCH_EXPORT", "SLURM_EXPORT_ENV"):
        monkeypatch.setenv(name, "NONE")
    monkeypatch.setenv("GREETING", "good day")
    monkeypatch.setenv("SLURM_MEM_PER_CPU", "100")  # as within a job
    done = slurm_pl("--mem", "200", "--resumable", "true", "x.log", "printenv", "GREETING")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\ngood day\n" in (place / "x.log").read_text()


def test_what_slurm_refuses_is_one_line(slurm_pl, place):
    (place / "npu.conf").write_text("command sbatch\noption gpu=* --gres=npu:$0\n")
    done = slurm_pl("--config", "npu.conf", "--gpu", "1", "x.log", "true")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "Invalid generic resource (gres) specification; a cluster without" in done.stderr


def test_a_job_that_cannot_start_is_said(slurm_pl, place):
    process = slurm_pl.start("--time", "100:00", "x.log", "true")
    assert "does not start for now: PartitionTimeLimit" in next_line(process)
    process.send_signal(signal.SIGHUP)
    assert process.wait(timeout=LONG) == 128 + signal.SIGHUP
    wait_for(lambda: not queue())


def test_a_submission_waits_for_a_controller_that_is_away(slurm, slurm_pl, place):
    subprocess.run([slurm, "pause"], check=True)
    try:
        process = slurm_pl.start("x.log", "echo", "done")
        assert "controller does not answer; trying for 5 minutes" in next_line(process)
    finally:
        subprocess.run([slurm, "continue"], check=True)
    process.communicate(timeout=LONG)
    assert process.returncode == 0
    assert "\ndone\n" in (place / "x.log").read_text()


# Goes on from a file; with STOP, it waits for a signal that asks it to save its work.
SAVING = """
import os, signal, sys, time
def save(number, frame):
    open("saved", "w").write("1")
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
for number in (signal.SIGTERM, signal.SIGUSR1):
    signal.signal(number, save)
print("going on" if os.path.exists("saved") else "beginning", flush=True)
time.sleep(0 if os.path.exists("saved") else 600)
"""


@pytest.fixture
def saving(place):
    (place / "saving.py").write_text(SAVING)
    return [sys.executable, place / "saving.py"]


def test_a_preempted_job_saves_and_goes_on_by_itself(slurm_pl, place, saving):
    (place / "low.conf").write_text("command sbatch --partition low\n")
    options = ["--config", "low.conf", "--resumable", "true"]
    process = slurm_pl.start(*options, "x.log", *saving)
    wait_for(lambda: "beginning" in text(place / "x.log"))
    urgent = ["sbatch", "-p", "high", "-N2", "-n2", "-c2", "--wrap=true", "--output=/dev/null"]
    subprocess.run(urgent, check=True, capture_output=True)
    _, err = process.communicate(timeout=LONG)
    assert (process.returncode, err) == (0, "")
    log = (place / "x.log").read_text()
    assert log.index("beginning") < log.index("(code 143)") < log.index("going on")


def test_a_chain_goes_on_where_a_job_was_asked_to_stop(slurm_pl, place, saving):
    options = ["--resumable", "true", "--chain", "3"]
    process = slurm_pl.start(*options, "x.log", *saving)
    wait_for(lambda: "beginning" in text(place / "x.log"))
    wait_for(lambda: len(queue()) == 3)
    running = [line for line in queue() if line.endswith("|RUNNING")]
    near_its_end = ["scontrol", "update", f"jobid={running[0].split('|')[0]}", "EndTime=now+50"]
    subprocess.run(near_its_end, check=True)
    process.communicate(timeout=LONG)
    assert process.returncode == 0
    log = (place / "x.log").read_text()
    assert log.index("beginning") < log.index("(code 138)") < log.index("going on")
    wait_for(lambda: not queue())


def test_without_a_chain_the_message_says_how_to_go_on(slurm_pl, place, saving):
    process = slurm_pl.start("--resumable", "true", "x.log", *saving)
    wait_for(lambda: "beginning" in text(place / "x.log"))
    subprocess.run(["scancel", "--signal=USR1", queue("%F")[0]], check=True)
    _, err = process.communicate(timeout=LONG)
    assert process.returncode == 1
    assert "it was asked to stop before the end of its time; repeat the call" in err


MEETING = """
import os, signal, time, torch, torch.distributed as dist
for number in (signal.SIGTERM, signal.SIGUSR1):
    signal.signal(number, lambda number, frame: (open(f"saved.{rank}", "w"), os._exit(1)))
dist.init_process_group("gloo")
rank, numbers = dist.get_rank(), torch.ones(1)
dist.all_reduce(numbers)
print("node", os.environ["SLURMD_NODENAME"], "rank", rank, "of", int(numbers), flush=True)
time.sleep(600)
"""


def test_processes_of_two_nodes_meet_and_are_asked_to_stop(slurm_pl, place, repository):
    (place / "meeting.py").write_text(MEETING)
    launcher = [repository / "utils/torchrun_nodes.py", "1", place / "meeting.py"]
    process = slurm_pl.start("--num-nodes", "2", "--mem", "3G", "x.log", *launcher)
    wait_for(lambda: text(place / "x.log").count(" of 2\n") == 2)
    subprocess.run(["scancel", "--signal=USR1", queue("%F")[0]], check=True)
    _, err = process.communicate(timeout=LONG)
    log = text(place / "x.log")
    assert "node n1 rank" in log and "node n2 rank" in log
    assert (place / "saved.0").exists() and (place / "saved.1").exists()
    assert "it was asked to stop before the end of its time; repeat the call" in err
