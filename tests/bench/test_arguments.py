"""The benchmarks refuse what they can't measure, in a line, before they begin."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("script", "words", "said"),
    [
        ("filterbank.py", ["--clips", "0"], "argument --clips: invalid positive value: '0'"),
        ("startup.py", ["--rounds", "-1"], "argument --rounds: invalid positive value: '-1'"),
        ("scaling.py", ["--sizes", "tiny", "vast"], "argument --sizes: invalid choice: 'vast'"),
        ("training_step.py", ["--size", "vast"], "argument --size: invalid choice: 'vast'"),
    ],
)
def test_what_cannot_be_measured_is_refused(repository, script, words, said):
    command = [sys.executable, repository / "tools/bench" / script, *words]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr.splitlines()[-1]
