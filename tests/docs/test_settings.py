"""docs/settings.md is what tools/settings_page.py prints."""

import subprocess
import sys


def test_the_settings_page_is_current(repository):
    script = repository / "tools/settings_page.py"
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert done.stdout == (repository / "docs/settings.md").read_text(encoding="utf-8"), (
        "run tools/settings_page.py > docs/settings.md"
    )
    assert "|  |" not in done.stdout  # a setting that its docstring does not describe
