"""Copies of recipes, in which tests run stages without touching the repository."""

import shutil
import subprocess
import sys
from pathlib import Path


def copy_recipe(repository: Path, name: str, folder: Path) -> Path:
    """Return a copy of egs/NAME without what it has made, beside the repository's utils/."""
    recipe = folder / "egs" / name
    made = shutil.ignore_patterns("downloads", "data", "dump", "exp")
    shutil.copytree(repository / "egs" / name, recipe, symlinks=True, ignore=made)
    for shared in ("utils", "tools", "egs/presets"):
        (folder / shared).symlink_to(repository / shared)
    return recipe


def run(*command, cwd: Path) -> subprocess.CompletedProcess:
    return subprocess.run([str(c) for c in command], cwd=cwd, capture_output=True, text=True)


def succeed(*command, cwd: Path) -> str:
    """Run a command that must succeed; return what it prints."""
    done = run(*command, cwd=cwd)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def use_this_python(patch) -> None:
    """Let recipes find the environment that the tests run in, and use one thread."""
    patch.setenv("PATH", str(Path(sys.executable).parent), prepend=":")
    patch.setenv("OMP_NUM_THREADS", "1")
