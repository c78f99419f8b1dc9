"""The benchmarks refuse what they can't measure, in a line, before they begin."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("script", "words", "said"),
    [
        ("filterbank.py", ["--clips", "0"], "argument --clips: must be at least 1, not 0"),
        ("attention_forms.py", ["--heads", "0"], "argument --heads: must be at least 1, not 0"),
        ("startup.py", ["--rounds", "-1"], "argument --rounds: must be at least 1, not -1"),
        ("startup.py", ["--rounds", "x"], "argument --rounds: must be a whole number, not 'x'"),
        ("feeding.py", ["--workers", "-1"], "argument --workers: must be at least 0, not -1"),
        ("scaling.py", ["--sizes", "tiny", "vast"], "argument --sizes: invalid choice: 'vast'"),
        ("training_step.py", ["--size", "vast"], "argument --size: invalid choice: 'vast'"),
    ],
)
def test_what_cannot_be_measured_is_refused(repository, script, words, said):
    command = [sys.executable, repository / "tools/bench" / script, *words]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr.splitlines()[-1]


def test_forms_of_attention_are_measured_without_a_gpu_too(repository):
    command = [repository / "tools/bench/attention_forms.py", "--clips", "1", "--heads", "1"]
    command = [sys.executable, *command, "--rounds", "1"]
    table = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for tokens in (103, 513):
        rows = [line for line in table.splitlines() if f" {tokens} tokens" in line]
        assert [row[22:37].strip() for row in rows] == ["two calls", "fused", "stacked"]
    assert "fastest" not in table


def test_all_benchmarks_can_be_started(repository):
    folder = repository / "tools/bench"
    scripts = [path for path in sorted(folder.glob("*.py")) if os.access(path, os.X_OK)]
    assert len(scripts) > 10
    helps = [
        subprocess.Popen([sys.executable, path, "--help"], stdout=subprocess.PIPE, text=True)
        for path in scripts
    ]
    for path, process in zip(scripts, helps, strict=True):
        text, _ = process.communicate()
        assert process.returncode == 0, path
        assert text.startswith("usage:"), path
