"""utils/slurm.pl, with an sbatch that runs the tasks of an array at once on this machine."""

import importlib
import re
import subprocess
import time

import pytest

pytestmark = pytest.mark.slow

SBATCH = r"""#!/usr/bin/env bash
if [ "${SBATCH_FAILS-}" = 1 ] || { [ "${SBATCH_FAILS-}" = second ] && [ -e sbatch.call ]; }; then
  echo "sbatch: error: Invalid partition" >&2
  exit 1
fi
echo "$*" > sbatch.call
rm -f queue
for word in "$@"; do
  case $word in --array=*) tasks=${word#--array=} ;; esac
done
(
  for range in $(tr , ' ' <<<"${tasks%\%*}"); do
    for task in $(seq "${range%-*}" "${range#*-}"); do
      [ -e "held.$task" ] || SLURM_ARRAY_TASK_ID=$task bash "${@: -1}"
    done
  done
) >/dev/null 2>&1 &
echo "Submitted batch job 4321"
"""


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """A folder to work in, with a cluster on PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, script in {
        "sbatch": SBATCH,
        "squeue": "#!/bin/sh\ncat queue 2>/dev/null || true\n",
        "scontrol": "#!/bin/sh\necho 'MaxArraySize            = 1001'\n",
        "scancel": '#!/bin/sh\necho "$*" > scancel.call\n',
    }.items():
        (folder / name).write_text(script)
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def slurm_pl(repository, *words):
    return subprocess.run(
        [repository / "utils/slurm.pl", *words], capture_output=True, text=True, timeout=30
    )


def test_an_array_runs_with_kaldis_logs(repository, cluster):
    done = slurm_pl(repository, "JOB=1:3", "log/x.JOB.log", "echo", "task JOB", "|", "cat")
    assert (done.returncode, done.stderr) == (0, "")
    log = (cluster / "log/x.3.log").read_text()
    assert log.startswith('# echo "task 3" | cat\n# Started at ')
    assert "\ntask 3\n" in log
    assert "# Ended (code 0) at " in log
    assert "--array=1-3 " in (cluster / "sbatch.call").read_text()


def test_a_percent_sign_in_a_path_is_not_slurms_pattern(repository, cluster):
    assert slurm_pl(repository, "50%j of a/x.log", "true").returncode == 0
    assert "/50%%j of a/q/x.log.%a.out " in (cluster / "sbatch.call").read_text()
    assert "# Ended (code 0)" in (cluster / "50%j of a/x.log").read_text()


def test_one_job_without_a_number(repository, cluster):
    assert slurm_pl(repository, "--gpu", "1", "one.log", "echo", "alone").returncode == 0
    assert "\nalone\n" in (cluster / "one.log").read_text()
    assert "--gres=gpu:1 --array=0 " in (cluster / "sbatch.call").read_text()


def test_failed_tasks_are_named(repository, cluster):
    done = slurm_pl(repository, "JOB=1:3", "x.JOB.log", "[", "JOB", "-ne", "2", "]")
    assert done.returncode == 1
    assert done.stderr.startswith("slurm.pl: 1 of 3 jobs failed (JOB=2); x.2.log ends:\n")


def test_options_mean_what_the_configuration_says(repository, cluster):
    (cluster / "conf").mkdir()
    (cluster / "conf/slurm.conf").write_text(
        "# our cluster\n"
        "command sbatch --account ours\n"
        "option mem=* --mem-per-cpu $0\n"
        "option mem=0  # nothing\n"
        "option gpu=* -p gpu --gres=gpu:$0\n"
        "option gpu=0 -p cpu\n"
        "default gpu=0\n"
    )
    words = ["--mem", "4G", "--max-jobs-run", "2", "JOB=1:2", "x.JOB.log", "true"]
    assert slurm_pl(repository, *words).returncode == 0
    call = (cluster / "sbatch.call").read_text()
    assert call.startswith("--account ours -p cpu --mem-per-cpu 4G --array=1-2%2 ")

    assert slurm_pl(repository, "--mem", "0", "--gpu", "2", "x.log", "true").returncode == 0
    call = (cluster / "sbatch.call").read_text()
    assert call.startswith("--account ours -p gpu --gres=gpu:2 --array=0 ")

    done = slurm_pl(repository, "--tmie", "1", "x.log", "true")
    assert (done.returncode, done.stderr) == (
        1,
        "slurm.pl: error: conf/slurm.conf: no rule for --tmie 1; add 'option tmie=* ...'\n",
    )


def test_a_bad_line_of_the_configuration_is_named(repository, cluster):
    (cluster / "my.conf").write_text("command sbatch\noptoin mem=* --mem $0\n")
    done = slurm_pl(repository, "--config", "my.conf", "x.log", "true")
    assert done.returncode == 1
    assert "my.conf:2: expected command, option or default" in done.stderr


def test_what_sbatch_refuses_is_said(repository, cluster, monkeypatch):
    monkeypatch.setenv("SBATCH_FAILS", "1")
    done = slurm_pl(repository, "x.log", "true")
    assert done.returncode == 1
    assert "sbatch: error: Invalid partition" in done.stderr


def test_arrays_before_one_that_is_refused_are_cancelled(repository, cluster, monkeypatch):
    (cluster / "bin/scontrol").write_text("#!/bin/sh\necho 'MaxArraySize = 3'\n")
    monkeypatch.setenv("SBATCH_FAILS", "second")
    done = slurm_pl(repository, "JOB=1:4", "x.JOB.log", "true")
    assert done.returncode == 1
    assert "sbatch: error: Invalid partition" in done.stderr
    assert "--array=1-2 " in (cluster / "sbatch.call").read_text()
    assert "--name=x.JOB.log." in (cluster / "scancel.call").read_text()


def test_resume_submits_only_what_has_not_succeeded(repository, cluster):
    job = ["JOB=1:3", "x.JOB.log", "[", "JOB", "-ne", "2", "-o", "-e", "repaired", "]"]
    assert slurm_pl(repository, *job).returncode == 1
    (cluster / "repaired").touch()
    assert slurm_pl(repository, "--resume", "true", *job).returncode == 0
    assert "--array=2 " in (cluster / "sbatch.call").read_text()


def test_a_task_that_left_the_queue_without_a_result_has_failed(
    repository, cluster, monkeypatch, capsys
):
    """As when the controller was away for so long that it has forgotten the task."""
    (cluster / "bin/sbatch").write_text("#!/bin/sh\necho Submitted batch job 1\n")
    (cluster / "bin/sacct").write_text("#!/bin/sh\necho 'CANCELLED by 1000'\n")
    (cluster / "bin/sacct").chmod(0o755)
    monkeypatch.syspath_prepend(repository / "utils")
    jobs, cluster_jobs = importlib.import_module("jobs"), importlib.import_module("cluster_jobs")
    monkeypatch.setattr(cluster_jobs, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(cluster_jobs, "LATE_SECONDS", 0.1)
    call = jobs.Call({}, "JOB", [1, 2], "x.JOB.log", ["true"])
    config = importlib.import_module("cluster_config").Config(cluster, "sbatch")
    slurm = importlib.import_module("slurm_scheduler").Slurm(call.log)
    failed = cluster_jobs.Batch(call, config, slurm).run()
    assert sorted(failed) == [1, 2]
    assert failed[1].startswith("Slurm ended task 1_1 (CANCELLED): it was cancelled")


def test_interrupt_cancels_the_job(repository, cluster):
    process = subprocess.Popen([repository / "utils/slurm.pl", "x.log", "sleep", "3"])
    deadline = time.monotonic() + 10
    while not (cluster / "x.log").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.3)
    process.terminate()
    assert process.wait(timeout=10) == 143
    assert "--name=x.log." in (cluster / "scancel.call").read_text()


TASKS = ["JOB=1:3", "x.JOB.log", "eval", "echo at work; exit $(cat status)"]


@pytest.fixture
def killed(repository, cluster):
    """Kill a call whose third task has failed by itself, with others in the states given."""

    def kill(states):
        (cluster / "status").write_text("7")
        held = [cluster / f"held.{number}" for number in states]
        for path in held:
            path.touch()
        with subprocess.Popen([repository / "utils/slurm.pl", *TASKS]) as process:
            wait_for((cluster / "q/x.JOB.log.3.exit").exists)
            process.kill()
        for path in held:
            path.unlink()
        (cluster / "status").write_text("0")
        set_queue(cluster, states)

    return kill


def set_queue(cluster, states):
    comment = re.search(r"--comment=(\S+)", (cluster / "sbatch.call").read_text())[1]
    tasks = [f"4321|{number}|{comment}|{state}|None\n" for number, state in states.items()]
    (cluster / "new").write_text("".join(tasks))
    (cluster / "new").rename(cluster / "queue")


def wait_for(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_why_a_task_of_an_earlier_call_fails_is_said_before_it_runs_again(
    repository, cluster, killed
):
    killed({1: "RUNNING", 2: "RUNNING"})
    command = [repository / "utils/slurm.pl", *TASKS]
    second = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert second.stderr.readline().endswith("submitted: tasks 4321_1, 4321_2\n")
    (cluster / "x.1.log").write_text("# a command\nhalf done\n")
    set_queue(cluster, {1: "TIMEOUT", 2: "COMPLETED"})
    reason = "JOB=1: Slurm ended task 4321_1 (TIMEOUT): it reached its time limit; ask for more"
    assert second.communicate(timeout=30)[1] == (
        f"slurm.pl: {reason} with --time\n"
        "slurm.pl: running again, since in an earlier call 2 of 3 jobs failed (JOB=1, 3);"
        f" {reason} with --time; x.1.log ends: half done\n"
    )
    assert second.returncode == 0
    assert "--array=1,3 " in (cluster / "sbatch.call").read_text()


def test_why_the_tasks_of_a_killed_call_failed_is_said_once_they_all_have_ended(
    repository, cluster, killed
):
    killed({1: "DEADLINE", 2: "CANCELLED"})
    with open(cluster / "q/x.JOB.log.2.out", "w") as stream:
        stream.write("slurmstepd: error: Exceeded job memory limit\n")
    done = slurm_pl(repository, *TASKS)
    assert "JOB=1: Slurm ended task 4321_1 (DEADLINE): it reached its deadline" in done.stderr
    assert "slurm.pl: JOB=2: Slurm ended task 4321_2 (OUT_OF_MEMORY): it used" in done.stderr
    assert "in an earlier call 3 of 3 jobs failed (JOB=1, 2, 3); JOB=1: Slurm" in done.stderr
    assert done.returncode == 0
    assert slurm_pl(repository, *TASKS).stderr == ""


def test_what_a_call_has_told_is_not_told_again(repository, cluster):
    job = ["x.log", "exit", "7"]
    assert slurm_pl(repository, *job).stderr.startswith("slurm.pl: the job failed; x.log ends:")
    assert slurm_pl(repository, *job).stderr.startswith("slurm.pl: the job failed; x.log ends:")
