"""utils/run.pl: Kaldi's calling form, its logs, failures that are said and signals that kill."""

import os
import re
import signal
import subprocess
import time

import pytest

PATH = {"PATH": os.environ["PATH"]}
DEADLINE = 60  # seconds for what takes a moment, on a machine that does much else


@pytest.fixture
def run_pl(repository, tmp_path):
    def run(*words: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [repository / "utils/run.pl", *words],
            capture_output=True,
            text=True,
            timeout=30,
            cwd=tmp_path,
        )

    return run


def test_jobs_are_numbered_and_logs_have_header_and_trailer(run_pl, tmp_path):
    done = run_pl("JOB=1:3", "log/x.JOB.log", "echo", "this is JOB", "|", "tee", "out.JOB")
    assert (done.returncode, done.stderr) == (0, "")
    assert [(tmp_path / f"out.{n}").read_text() for n in (1, 2, 3)] == [
        f"this is {n}\n" for n in (1, 2, 3)
    ]
    assert re.fullmatch(
        r'# echo "this is 2" \| tee out\.2\n# Started at .+\n#\nthis is 2\n'
        r"# Accounting: time=\d+ threads=1\n"
        r"# Ended \(code 0\) at .+, elapsed time \d+ seconds\n",
        (tmp_path / "log/x.2.log").read_text(),
    )


def test_one_job_without_a_number_and_cluster_options_are_taken(run_pl, tmp_path):
    options = ["--mem", "4G", "--gpu", "1", "--time=1:0:0", "--num-threads", "2"]
    assert run_pl(*options, "one.log", "echo", "JOB").returncode == 0
    assert "\nJOB\n# Accounting: time=0 threads=2\n" in (tmp_path / "one.log").read_text()


def test_options_of_grid_engine_are_taken_too(run_pl, tmp_path):
    options = ["-pe", "smp", "4", "-V", "-q", "all.q", "-l", "mem_free=2G", "-sync", "y"]
    assert run_pl(*options, "JOB=1:2", "-V", "x.JOB.log", "echo", "-n", "JOB").returncode == 0
    assert "\n1# Accounting" in (tmp_path / "x.1.log").read_text()
    job = "touch running.JOB; ls | grep -c running; sleep 0.1; rm running.JOB"
    assert run_pl("-tc", "1", "JOB=1:3", "y.JOB.log", "eval", job).returncode == 0
    counts = [int((tmp_path / f"y.{n}.log").read_text().splitlines()[3]) for n in range(1, 4)]
    assert max(counts) == 1


@pytest.mark.parametrize("program", ["run.pl", "slurm.pl", "queue.pl"])
def test_help_says_the_usage(repository, program):
    for word in ("--help", "-h"):
        command = [repository / "utils" / program, word]
        done = subprocess.run(command, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
        assert f"usage: {program} [--" in done.stdout


def test_options_may_follow_the_job_range(run_pl, tmp_path):
    assert run_pl("JOB=2:2", "--mem", "1G", "x.JOB.log", "true").returncode == 0
    assert (tmp_path / "x.2.log").exists()


@pytest.mark.parametrize(
    ("words", "written"),
    [
        (["echo", 'a "quoted" $HOME'], 'a "quoted" $HOME'),  # single quotes around double ones
        (["echo", "home $((1 + 1))"], "home 2"),  # else double quotes: the job's shell expands
        (["echo", "", "x"], " x"),
        (["echo", "a", ">&2"], "a"),
    ],
)
def test_words_are_joined_by_kaldis_rule(run_pl, tmp_path, words, written):
    assert run_pl("x.log", *words).returncode == 0
    assert (tmp_path / "x.log").read_text().splitlines()[3] == written


@pytest.mark.parametrize(
    "word", ["a b  c", "cost$5", "st*r", "q'uo\"te", r"back\ slash", "two\nlines", "", "`id`;|&~"]
)
def test_quoted_words_reach_the_job_unchanged(repository, tmp_path, word):
    script = (
        f'. {repository}/utils/job_words.sh; quote_job_words "$1"; '
        f"{repository}/utils/run.pl x.log printf %s '\"$HOME\"' \"${{job_words[@]}}\" '>' written"
    )
    subprocess.run(["bash", "-c", script, "-", word], cwd=tmp_path, env={"HOME": "-"} | PATH)
    assert (tmp_path / "written").read_text() == f"-{word}"


@pytest.mark.parametrize(
    ("text", "name"), [("dump", "JOB"), ("/scratch/JOB_4711", "_JOB"), ("x_JOB/JOB", "__JOB")]
)
def test_the_name_of_the_job_number_is_not_in_the_path(repository, text, name):
    script = '. utils/job_words.sh; name_job "$1"; echo "$job_name"'
    done = subprocess.run(
        ["bash", "-c", script, "-", text], cwd=repository, capture_output=True, text=True
    )
    assert done.stdout == f"{name}\n"


def test_a_failure_inside_a_pipe_counts(run_pl):
    assert run_pl("x.log", "false", "|", "true").returncode == 1


def test_failed_jobs_are_named_with_the_end_of_the_first_log(run_pl):
    script = "seq -f 'line %g' 40; [ JOB != 2 -a JOB != 4 ]"
    done = run_pl("JOB=1:4", "x.JOB.log", "eval", script)
    assert done.returncode == 1
    first, *shown = done.stderr.splitlines()
    assert first == "run.pl: 2 of 4 jobs failed (JOB=2, 4); x.2.log ends:"
    assert len(shown) == 20
    assert "  line 40" in shown
    assert "Ended (code 1)" in shown[-1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["JOB=1:2", "x.log", "true"], "must contain JOB"),
        (["JOB=0:2", "x.JOB.log", "true"], "expected FIRST:LAST"),
        (["JOB=3:2", "x.JOB.log", "true"], "expected FIRST:LAST"),
        (["x.log"], "expected"),
        (["--mem"], "option --mem needs a value"),
        (["-pe", "smp"], "option -pe needs 2 values"),
        (["--max-jobs-run", "0", "x.log", "true"], "--max-jobs-run must be 1 or more"),
    ],
)
def test_senseless_calls_are_refused(run_pl, words, message):
    done = run_pl(*words)
    assert done.returncode == 1
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_no_more_jobs_at_once_than_allowed(run_pl, tmp_path):
    job = "touch running.JOB; ls | grep -c running; sleep 0.1; rm running.JOB"
    assert run_pl("--max-jobs-run", "2", "JOB=1:6", "x.JOB.log", "eval", job).returncode == 0
    counts = [int((tmp_path / f"x.{n}.log").read_text().splitlines()[3]) for n in range(1, 7)]
    assert max(counts) == 2


def test_resume_runs_only_what_has_not_succeeded(run_pl, tmp_path):
    job = ["JOB=1:3", "x.JOB.log", "eval", "echo JOB >> ran; [ JOB != 2 -o -e repaired ]"]
    assert run_pl(*job).returncode == 1
    (tmp_path / "repaired").touch()
    assert run_pl("--resume", "true", *job).returncode == 0
    assert sorted((tmp_path / "ran").read_text().split()) == ["1", "2", "2", "3"]
    assert run_pl("--resume", "true", *job[:2], "echo", "new").returncode == 0
    assert "new" in (tmp_path / "x.1.log").read_text()  # another command has not succeeded yet


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_stop_jobs_with_all_they_started(repository, tmp_path, number):
    script = "trap 'touch stopped.JOB; exit' TERM; touch started.JOB; sleep 600 & wait"
    process = subprocess.Popen(
        [repository / "utils/run.pl", "JOB=1:2", "x.JOB.log", "bash", "-c", script, "|", "cat"],
        cwd=tmp_path,
    )
    wait_for(tmp_path / "started.1", tmp_path / "started.2")
    process.send_signal(number)
    assert process.wait(timeout=DEADLINE) == 128 + number
    wait_for(tmp_path / "stopped.1", tmp_path / "stopped.2")
    assert "Ended" not in (tmp_path / "x.1.log").read_text()


def wait_for(*files):
    deadline = time.monotonic() + DEADLINE
    while not all(file.exists() for file in files):
        assert time.monotonic() < deadline, f"not made: {files}"
        time.sleep(0.02)


def test_a_hangup_stops_jobs(repository, tmp_path):
    process = subprocess.Popen(
        [repository / "utils/run.pl", "x.log", "eval", "touch started; sleep 600"], cwd=tmp_path
    )
    wait_for(tmp_path / "started")
    process.send_signal(signal.SIGHUP)
    assert process.wait(timeout=DEADLINE) == 128 + signal.SIGHUP


def test_a_killed_call_stops_its_jobs_and_the_next_one_waits_for_them(repository, run_pl, tmp_path):
    script = "trap 'sleep 1; touch saved; exit' TERM; touch started; sleep 600 & wait"
    command = [repository / "utils/run.pl", "x.log", "bash", "-c", script]
    process = subprocess.Popen(command, cwd=tmp_path)
    wait_for(tmp_path / "started")
    process.kill()
    process.wait()
    done = run_pl("x.log", "ls")
    assert "run.pl: a living job writes x.log; waiting for its end" in done.stderr
    assert "\nsaved\n" in (tmp_path / "x.log").read_text()
