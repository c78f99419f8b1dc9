"""tools/faults: kills, faults of the machine and damaged files lose nothing, and leave nothing.

One folder serves all three, so that what the undisturbed commands make is made once.
"""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow


def rows_of(table):
    lines = table.read_text().splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


@pytest.fixture(scope="module")
def work(repository, tmp_path_factory):
    """The folder in which a few faults of the machine were held while a model was pretrained."""
    work = tmp_path_factory.mktemp("faults") / "work"
    faults = ("disk that fills", "read-only folder")
    words = [word for fault in faults for word in ("--only", fault)]
    script = repository / "tools/faults/conditions.py"
    command = [sys.executable, script, work, *words, "pretrain"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return work


def test_pretraining_survives_faults_of_the_machine(work):
    rows = rows_of(work / "conditions.md")
    assert [row[:2] for row in rows] == [
        ["disk that fills", "pretrain"],
        ["read-only folder", "pretrain"],
    ]
    for *_, during, afterwards, message in rows:
        if not during.startswith("skipped"):
            assert (during, afterwards) == ("refused", "the same")
            assert message.startswith("asda pretrain: error: WORK/place/pretrain")


def test_damage_of_files_with_checksums_is_always_found(repository, work):
    script = repository / "tools/faults/damage.py"
    files = ["archive of a dump", "checkpoint.pt", "utt2label"]
    command = [sys.executable, script, work, "--times", "10", *files]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = rows_of(work / "damage.md")
    assert len(rows) == 6
    for row in rows:
        refused, harmless, unnoticed, fault = map(int, row[4:8])
        assert refused + harmless + unnoticed == 10
        assert fault == 0
        if row[0] != "utt2label":  # whose label may become another one
            assert unnoticed == 0


def test_commands_killed_at_a_random_moment_lose_nothing(repository, work):
    script = repository / "tools/faults/kills.py"
    command = [sys.executable, script, work, "--times", "1"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = rows_of(work / "kills.md")
    assert len(rows) == 6
    for row in rows:
        assert row[2] == "1"
        assert row[4:7] == ["0", "0", "0"]
