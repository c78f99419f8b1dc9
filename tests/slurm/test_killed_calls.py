"""Calls of slurm.pl that are killed while their jobs live on, and what the next call does."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from slurm.queued import LONG, next_line, queue, text, wait_for

pytestmark = pytest.mark.slow

# Says that it runs, and ends when it may: with the status that is asked for, 0 at first.
TASK = """
echo $$ >>"runs.$1"
until [ -e go ] || [ -e "go.$1" ]; do sleep 0.1; done
exit "$(cat "status.$1" 2>/dev/null || echo 0)"
"""


@pytest.fixture
def task(place):
    """The words of a call with tasks that wait, without their numbers."""
    (place / "task.sh").write_text(TASK)
    return ["x.JOB.log", "bash", "task.sh", "JOB"]


@pytest.fixture
def settle(repository, place):
    """Start settle_jobs.py for the log of the tasks."""

    def begin():
        command = [repository / "utils/settle_jobs.py", "x.JOB.log", "JOB"]
        return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)

    return begin


def runs(place, number):
    """Return the process IDs of a task, one for each time that it has run."""
    return text(place / f"runs.{number}").split()


def begin_and_kill(slurm_pl, place, *words, running):
    """Start slurm.pl, and kill it once the tasks of these numbers run; return the job's ID."""
    process = slurm_pl.start(*words)
    wait_for(lambda: all(runs(place, number) for number in running))
    process.kill()
    process.communicate()
    return queue("%F")[0]


def lives(process):
    """Return whether a process lives; one that nobody has waited for does not."""
    state = re.search(r"^State:\s*(\w)", text(Path(f"/proc/{process}/status")), re.M)
    return state is not None and state[1] != "Z"


def test_running_tasks_of_the_same_command_are_waited_for(slurm_pl, place, task):
    job = begin_and_kill(slurm_pl, place, "JOB=1:2", *task, running=[1, 2])
    second = slurm_pl.start("JOB=1:2", *task)
    assert next_line(second) == (
        f"slurm.pl: waiting for what an earlier call has submitted: tasks {job}_1, {job}_2\n"
    )
    (place / "go").touch()
    assert second.communicate(timeout=LONG) == ("", "")
    assert second.returncode == 0
    assert len(runs(place, 1)) == len(runs(place, 2)) == 1
    assert text(place / "x.1.log").count("# Started at ") == 1


def fail_and_kill(slurm_pl, place, task):
    """Begin two tasks, of which the first fails, and kill the call while the second runs."""
    (place / "status.1").write_text("1")
    (place / "go.1").touch()
    process = slurm_pl.start("JOB=1:2", *task)
    wait_for(lambda: "(code 1)" in text(place / "x.1.log") and runs(place, 2))
    process.kill()
    process.communicate()


def test_a_task_that_had_failed_runs_again_beside_one_that_is_waited_for(slurm_pl, place, task):
    fail_and_kill(slurm_pl, place, task)
    (place / "status.1").unlink()
    (job,) = set(queue("%F"))
    second = slurm_pl.start("JOB=1:2", *task)
    assert next_line(second).endswith(f": tasks {job}_2\n")
    (place / "go").touch()
    _, err = second.communicate(timeout=LONG)
    assert second.returncode == 0
    assert err.startswith(
        "slurm.pl: running again, since in an earlier call 1 of 2 jobs failed (JOB=1); x.1.log ends"
    )
    assert err.count("\n") == 1
    assert [len(runs(place, 1)), len(runs(place, 2))] == [2, 1]
    assert "(code 0)" in text(place / "x.1.log")


def test_why_slurm_ends_a_task_that_is_waited_for_is_said_before_it_runs_again(
    slurm_pl, place, task
):
    job = begin_and_kill(slurm_pl, place, "JOB=1:2", *task, running=[1, 2])
    second = slurm_pl.start("JOB=1:2", *task)
    assert next_line(second).endswith(f": tasks {job}_1, {job}_2\n")
    subprocess.run(["scontrol", "update", f"jobid={job}_1", "EndTime=now+2"], check=True)
    reason = f"JOB=1: Slurm ended task {job}_1 (TIMEOUT): it reached its time limit"
    assert reason in next_line(second)
    (place / "go").touch()
    _, err = second.communicate(timeout=LONG)
    assert second.returncode == 0
    said = "slurm.pl: running again, since in an earlier call 1 of 2 jobs failed (JOB=1); "
    assert err.startswith(said + reason)
    assert err.count("\n") == 1
    assert [len(runs(place, 1)), len(runs(place, 2))] == [2, 1]


def test_why_slurm_ended_a_task_that_no_call_watched_is_said(slurm_pl, place, task):
    job = begin_and_kill(slurm_pl, place, "x.log", *task[1:3], "1", running=[1])
    subprocess.run(["scontrol", "update", f"jobid={job}", "EndTime=now+2"], check=True)
    wait_for(lambda: not queue())
    (place / "go").touch()
    done = slurm_pl("x.log", *task[1:3], "1")
    assert done.returncode == 0
    assert done.stderr.startswith(
        "slurm.pl: running again, since in an earlier call the job failed; Slurm ended task"
        f" {job}_0 (TIMEOUT): it reached its time limit; ask for more with --time; x.log ends:"
    )
    assert done.stderr.count("\n") == 1


def test_a_task_that_settling_cancels_counts_as_no_failure(slurm_pl, place, task, settle):
    fail_and_kill(slurm_pl, place, task)
    assert settle().communicate(timeout=LONG)
    (place / "status.1").unlink()
    (place / "go").touch()
    done = slurm_pl("JOB=1:2", *task)
    assert done.returncode == 0
    assert "in an earlier call 1 of 2 jobs failed (JOB=1); x.1.log ends:" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_task_that_an_administrator_holds_back_is_named_and_waited_for(slurm_pl, place, task):
    words = ["--num-threads", "2", "JOB=1:3", *task]
    job = begin_and_kill(slurm_pl, place, *words, running=[1, 2])
    subprocess.run(["scontrol", "hold", f"{job}_3"], check=True)
    subprocess.run(["scontrol", "requeuehold", "State=SpecialExit", f"{job}_1"], check=True)
    second = slurm_pl.start(*words)
    said = [next_line(second) for _ in range(3)]
    assert f"submitted: tasks {job}_" in said[0]
    assert sorted(line.removeprefix("slurm.pl: ") for line in said[1:]) == [
        f"task {job}_1 does not start for now: job requeued in held state\n",
        f"task {job}_3 does not start for now: JobHeldAdmin\n",
    ]
    (place / "go").touch()
    subprocess.run(["scontrol", "release", f"{job}_1", f"{job}_3"], check=True)
    assert second.communicate(timeout=LONG) == ("", "")
    assert second.returncode == 0
    assert [len(runs(place, number)) for number in (1, 2, 3)] == [2, 1, 1]


def test_tasks_of_another_command_end_before_the_new_ones_begin(slurm_pl, place, task):
    begin_and_kill(slurm_pl, place, "JOB=1:2", *task, running=[1, 2])
    done = slurm_pl("JOB=1:2", "x.JOB.log", "echo", "new")
    assert done.returncode == 0
    assert "cancelling what an earlier call with this log left: tasks " in done.stderr
    assert "\nnew\n" in text(place / "x.1.log")
    assert not any(map(lives, runs(place, 1) + runs(place, 2)))
    assert not queue()


def test_a_cancelled_job_that_could_be_resumed_does_not_come_back(slurm_pl, place, task):
    options = ["--num-nodes", "2", "--num-threads", "2"]
    begin_and_kill(slurm_pl, place, *options, "JOB=1:1", *task, running=[1])
    wait_for(lambda: len(runs(place, 1)) == 2)
    done = slurm_pl("JOB=1:1", "x.JOB.log", "echo", "new")
    assert done.returncode == 0
    assert not any(map(lives, runs(place, 1)))
    assert not queue()


# Ignores what asks it to end, and starts a process of which Slurm does not know.
STUBBORN = """
trap '' TERM
echo $$ >>"runs.$1"
setsid -f bash -c 'echo $$ >>"runs.$1"; until [ -e go ]; do sleep 0.1; done' - "$1"
sleep 600
"""


def test_settling_returns_when_no_process_of_running_and_queued_tasks_is_left(
    slurm_pl, place, task, settle
):
    (place / "task.sh").write_text(STUBBORN)
    words = ["--num-threads", "2", "JOB=1:3", *task]
    begin_and_kill(slurm_pl, place, *words, running=[1, 2])
    wait_for(lambda: len(runs(place, 1)) == len(runs(place, 2)) == 2)
    process = settle()
    said = next_line(process)
    assert said.endswith("x.JOB.log: cancelling 3 tasks that an earlier call has left\n")
    assert ": a living job writes x." in next_line(process)
    assert not queue()
    (place / "go").touch()
    process.communicate(timeout=LONG)
    assert process.returncode == 0
    assert not any(map(lives, runs(place, 1) + runs(place, 2)))
    assert not runs(place, 3)


def test_settling_waits_for_a_controller_that_is_away(slurm, slurm_pl, place, task, settle):
    begin_and_kill(slurm_pl, place, "JOB=1:2", *task, running=[1, 2])
    subprocess.run([slurm, "pause"], check=True)
    try:
        process = settle()
        assert "controller does not answer; trying for 5 minutes" in next_line(process)
    finally:
        subprocess.run([slurm, "continue"], check=True)
    _, err = process.communicate(timeout=LONG)
    assert process.returncode == 0, err
    assert "x.JOB.log: cancelling 2 tasks that an earlier call has left\n" in err
    assert not any(map(lives, runs(place, 1) + runs(place, 2)))


def test_a_submission_that_was_on_its_way_when_its_call_was_killed_is_found(
    slurm_pl, place, task, monkeypatch
):
    (place / "bin").mkdir()
    slow = place / "bin/sbatch"
    wait = ": >asked; until [ -e may ]; do sleep 0.1; done"
    slow.write_text(f'#!/bin/sh\n{wait}\nexec {shutil.which("sbatch")} "$@"\n')
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", str(slow.parent), prepend=":")
    first = slurm_pl.start("JOB=1:2", *task)
    wait_for((place / "asked").exists)
    first.kill()
    second = slurm_pl.start("JOB=1:2", *task)
    assert next_line(second) == (
        "slurm.pl: another call submits jobs and holds q/x.JOB.log.lock; waiting for its end\n"
    )
    (place / "may").touch()
    assert "waiting for what an earlier call has submitted: tasks " in next_line(second)
    (place / "go").touch()
    second.communicate(timeout=LONG)
    first.communicate()
    assert second.returncode == 0
    assert len(runs(place, 1)) == len(runs(place, 2)) == 1
