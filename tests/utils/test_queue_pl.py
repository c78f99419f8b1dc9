"""utils/queue.pl, with a qsub that runs the tasks of an array at once on this machine."""

import os
import signal
import subprocess
import time

import pytest

pytestmark = pytest.mark.slow

QSUB = r"""#!/usr/bin/env bash
echo "$*" >> qsub.call
[ -z "${QSUB_FAILS-}" ] || { echo "Unable to run job: denied" >&2; exit 1; }
tasks=undefined
words=("$@")
for ((n = 0; n < $#; n++)); do
  [ "${words[n]}" != -t ] || tasks=$(seq -s ' ' $(tr - ' ' <<<"${words[n + 1]}"))
done
(
  [ -z "${JOBS_VANISH-}" ] || exit
  for task in $tasks; do
    SGE_TASK_ID=$task bash "${@: -1}"
  done
) >/dev/null 2>&1 &
number=$((4320 + $(wc -l < qsub.call)))
echo "Your job-array $number.$tasks (\"x\") has been submitted"
"""
QSTAT = """#!/bin/sh
echo '<?xml version="1.0"?><job_info><queue_info>'
cat queue 2>/dev/null
echo '</queue_info></job_info>'
"""
ENTRY = """<job_list state="running"><JB_job_number>77</JB_job_number>
<JB_name>{name}</JB_name><state>{state}</state><tasks>1-2:1</tasks></job_list>"""


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """A folder to work in, with a cluster on PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, script in {
        "qsub": QSUB,
        "qstat": QSTAT,
        "qdel": '#!/bin/sh\necho "$*" >> qdel.call; rm -f queue\n',
        "qacct": "#!/bin/sh\ncat accounting\n",
    }.items():
        (folder / name).write_text(script)
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def queue_pl(repository, cluster):
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [repository / "utils/queue.pl", *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=60)

    return run


def calls(cluster, program="qsub"):
    return (cluster / f"{program}.call").read_text().splitlines()


def test_an_array_runs_with_kaldis_logs(queue_pl, cluster):
    done = queue_pl("JOB=1:3", "log/x.JOB.log", "echo", "task JOB", "|", "cat")
    assert (done.returncode, done.stderr) == (0, "")
    log = (cluster / "log/x.3.log").read_text()
    assert log.startswith('# echo "task 3" | cat\n# Started at ')
    assert "\ntask 3\n" in log and "# Ended (code 0) at " in log
    (call,) = calls(cluster)
    assert call.startswith("-V -cwd -S /bin/bash -j y -N a_x.JOB.log.")
    assert f" -t 1-3 -o {cluster}/log/q/x.JOB.log.$TASK_ID.out " in call


def test_one_job_without_a_number(queue_pl, cluster):
    assert queue_pl("one.log", "echo", "alone").returncode == 0
    assert "\nalone\n" in (cluster / "one.log").read_text()
    (call,) = calls(cluster)
    assert " -t " not in call and f" -o {cluster}/q/one.log.0.out " in call


def test_options_are_translated_or_passed_on(queue_pl, cluster):
    words = ["--mem", "2G", "--num-threads", "4", "--gpu", "1", "--max-jobs-run", "2"]
    words += ["-q", "all.q", "-l", "h=a", "-V", "JOB=1:2"]
    assert queue_pl(*words, "x.JOB.log", "true").returncode == 0
    (call,) = calls(cluster)
    for part in ("-l gpu=1", "-l mem_free=2G,ram_free=2G", "-pe smp 4", "-q all.q -l h=a -V"):
        assert f" {part} " in call
    assert " -tc 2 " in call
    (cluster / "conf").mkdir()
    (cluster / "conf/queue.conf").write_text("command qsub -P ours\noption mem=0\n")
    assert queue_pl("--mem", "0", "-pe", "orte", "8", "x.log", "true").returncode == 0
    assert calls(cluster)[-1].startswith("-P ours -pe orte 8 -N ")
    done = queue_pl("--tmie", "1", "x.log", "true")
    assert "conf/queue.conf: no rule for --tmie 1" in done.stderr


def test_failed_tasks_are_named_and_resumed_where_there_are_gaps(queue_pl, cluster):
    job = ["JOB=1:4", "x.JOB.log", "eval", "[ -e repaired ] || [ $((JOB % 2)) = 0 ]"]
    done = queue_pl(*job)
    assert done.returncode == 1
    assert done.stderr.startswith("queue.pl: 2 of 4 jobs failed (JOB=1, 3); x.1.log ends:\n")
    (cluster / "repaired").touch()
    assert queue_pl("--resume", "true", *job).returncode == 0
    assert [call.split(" -t ")[1].split()[0] for call in calls(cluster)] == ["1-4", "1", "3"]


def test_what_qsub_refuses_is_said(queue_pl, monkeypatch):
    monkeypatch.setenv("QSUB_FAILS", "1")
    done = queue_pl("x.log", "true")
    assert done.returncode == 1
    assert done.stderr.endswith("sh: Unable to run job: denied\n") and done.stderr.count("\n") == 1


def test_without_grid_engine_the_remedy_is_said(queue_pl, cluster):
    for name in ("qsub", "qstat"):
        (cluster / "bin" / name).unlink()
    done = queue_pl("x.log", "true")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "on PATH: call it on a machine that submits jobs to Grid Engine" in done.stderr


def test_a_task_that_vanishes_is_explained(queue_pl, cluster, monkeypatch):
    monkeypatch.setenv("JOBS_VANISH", "1")
    (cluster / "accounting").write_text(
        "failed       100 : assumedly after job\nexit_status  137\n"
    )
    done = queue_pl("x.log", "true")
    assert done.returncode == 1
    assert (
        "Grid Engine ended task 4321.0 (killed): it reached a limit of time or memory"
        in done.stderr
    )


def test_living_jobs_of_another_command_are_cancelled(queue_pl, cluster):
    assert queue_pl("JOB=1:2", "x.JOB.log", "true").returncode == 0
    name = calls(cluster)[0].split(" -N ")[1].split()[0].rpartition(".")[0] + ".else"
    (cluster / "queue").write_text(ENTRY.format(name=name, state="r"))
    done = queue_pl("JOB=1:2", "x.JOB.log", "true")
    assert done.returncode == 0
    assert "cancelling what an earlier call with this log left: tasks 77_1, 77_2" in done.stderr
    assert calls(cluster, "qdel") == ["77"]


def test_signals_cancel_the_jobs(repository, cluster, monkeypatch):
    monkeypatch.setenv("JOBS_VANISH", "1")
    process = subprocess.Popen([repository / "utils/queue.pl", "x.log", "sleep", "600"])
    while not (cluster / "qsub.call").exists():
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 128 + signal.SIGTERM
    (name,) = calls(cluster, "qdel")
    assert name.startswith("a_x.log.") and name.endswith(".*")


def test_tasks_that_a_killed_call_left_are_cancelled_before_their_input_changes(
    repository, queue_pl, cluster
):
    queue_pl("JOB=1:2", "x.JOB.log", "true")
    words = (cluster / "qsub.call").read_text().split()
    name = words[words.index("-N") + 1]
    (cluster / "queue").write_text(ENTRY.format(name=name, state="r"))
    settle = [repository / "utils/settle_jobs.py", "x.JOB.log", "JOB"]
    done = subprocess.run(settle, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "cancelling 2 tasks that an earlier call has left" in done.stderr
    assert (cluster / "qdel.call").read_text() == "77\n"


def test_a_scheduler_that_no_earlier_call_used_is_not_asked(repository, cluster):
    """Its programs may be installed on a machine that has no access to a cluster."""
    for program in ("squeue", "qstat"):
        (cluster / "bin" / program).write_text("#!/bin/sh\n: >asked; exit 1\n")
        (cluster / "bin" / program).chmod(0o755)
    settle = [repository / "utils/settle_jobs.py", "x.JOB.log", "JOB"]
    assert subprocess.run(settle, timeout=60).returncode == 0
    assert not (cluster / "asked").exists()
