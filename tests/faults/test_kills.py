"""tools/faults/kills.py: commands that are killed and repeated make what they make undisturbed."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow


def test_commands_killed_at_random_moments_lose_nothing(repository, tmp_path):
    script = repository / "tools/faults/kills.py"
    done = subprocess.run(
        [sys.executable, script, tmp_path / "work", "--times", "3"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    table = (tmp_path / "work/kills.md").read_text().splitlines()
    assert len(table) == 2 + 6
    for line in table[2:]:
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert cells[2] == "3"
        assert cells[4:7] == ["0", "0", "0"]
