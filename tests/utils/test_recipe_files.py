"""What all recipes share is the same in all of them."""

import shutil
import subprocess

import pytest
import yaml


@pytest.mark.parametrize("name", ["path.sh", "cmd.sh"])
def test_same_file_in_every_recipe(repository, name):
    recipes = [run.parent for run in (repository / "egs").glob("*/run.sh")]
    assert len(recipes) > 1
    assert len({(recipe / name).read_bytes() for recipe in recipes}) == 1


def test_every_recipe_links_utils(repository):
    for run in (repository / "egs").glob("*/run.sh"):
        assert (run.parent / "utils").readlink().as_posix() == "../../utils"


def test_reference_configurations_link_to_presets(repository):
    configurations = list((repository / "egs").glob("*/conf/*_reference*.yaml"))
    assert len(configurations) == 5
    for path in configurations:
        assert path.is_symlink() and path.resolve().parent == repository / "egs/presets"


def test_cmd_sh_refuses_an_unknown_backend(repository):
    done = subprocess.run(
        ["bash", "-c", "cmd_backend=sulrm; . ./cmd.sh; echo reached"],
        cwd=repository / "egs/mini",
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "local, slurm or sge, not 'sulrm'" in done.stderr


def test_citation_has_what_the_format_requires(repository):
    citation = yaml.safe_load((repository / "CITATION.cff").read_text())
    for work in (citation, *citation["references"]):
        assert work["title"]
        assert work["authors"]


ACTIVATE = ["bash", "-euc", ". tools/activate.sh; command -v asda; asda"]
STUB = """\
all:
\tmkdir -p venv/bin
\tprintf '#!/bin/sh\\necho made' > venv/bin/asda
\tchmod +x venv/bin/asda
"""


@pytest.fixture
def bare_clone(repository, tmp_path):
    """A repository without environment, whose Makefile makes a stub of one."""
    (tmp_path / "tools").mkdir()
    shutil.copy(repository / "tools/activate.sh", tmp_path / "tools")
    (tmp_path / "tools/Makefile").write_text(STUB)
    return tmp_path


def activate(folder, path):
    return subprocess.run(
        ACTIVATE, cwd=folder, env={"PATH": f"{path}/usr/bin:/bin"}, capture_output=True, text=True
    )


def test_the_environment_is_made_once_and_said_so(bare_clone):
    expected = f"{bare_clone}/tools/venv/bin/asda\nmade\n"
    first, second = activate(bare_clone, ""), activate(bare_clone, "")
    assert (first.stdout, second.stdout) == (expected, expected)
    assert "creating tools/venv (make -C tools)" in first.stderr
    assert second.stderr == ""


def test_an_active_environment_with_asda_is_used(bare_clone):
    (bare_clone / "mine").mkdir()
    (bare_clone / "mine/asda").write_text("#!/bin/sh\necho active")
    (bare_clone / "mine/asda").chmod(0o755)
    done = activate(bare_clone, f"{bare_clone}/mine:")
    assert done.stdout == f"{bare_clone}/mine/asda\nactive\n"
    assert not (bare_clone / "tools/venv").exists()
