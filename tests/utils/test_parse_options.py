"""utils/parse_options.sh: Kaldi's interface without its defects."""

import subprocess

import pytest

SCRIPT = """
set -eu
stage=0
stop_stage=5
cmd=run.pl
skip=false
text=
help_message="usage: this\\nscript"
. {repository}/utils/parse_options.sh
[ $# -ne 4 ] || usage
echo "$stage|$stop_stage|$cmd|$skip|$text|$#|$*"
"""


@pytest.fixture
def call(repository, tmp_path):
    """Return a function that runs a script with options, in a folder of its own."""
    script = tmp_path / "script.sh"
    script.write_text(SCRIPT.format(repository=repository))

    def run(*words: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            ["bash", script, *words], capture_output=True, text=True, timeout=20, cwd=tmp_path
        )

    return run


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], "0|5|run.pl|false||0|"),
        (["--stage", "3", "--stop-stage", "4"], "3|4|run.pl|false||0|"),
        (["--stop_stage=2", "--stage=1"], "1|2|run.pl|false||0|"),
        (["--skip", "true", "data", "--stage", "9"], "0|5|run.pl|true||3|data --stage 9"),
        (["--text", "--optimizer.lr 1e-3"], "0|5|run.pl|false|--optimizer.lr 1e-3|0|"),
        (["--text=a=b c"], "0|5|run.pl|false|a=b c|0|"),
        (["--text=", "-x"], "0|5|run.pl|false||1|-x"),
        (["--cmd", "slurm.pl --mem 4G"], "0|5|slurm.pl --mem 4G|false||0|"),
    ],
)
def test_sets_variables_and_leaves_positional_words(call, words, expected):
    done = call(*words)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, expected, "")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--stgae", "3"], "unknown option --stgae, did you mean --stage?"),
        (["--zzzzzz", "3"], "unknown option --zzzzzz"),
        (["--name", "x"], "unknown option --name"),  # not a variable of the parser's own
        (["--", "x"], "unknown option --"),
        (["--stage"], "option --stage needs a value"),
        (["--stage", "--skip", "true"], "option --stage needs a value"),
        (["--skip", "yes"], "option --skip takes true or false, not 'yes'"),
        (["--cmd", ""], "option --cmd is empty"),
        (["--config", "missing.conf"], "option --config: no file 'missing.conf'"),
    ],
)
def test_refuses_with_one_line(call, words, message):
    done = call(*words)
    assert done.returncode == 1
    assert done.stdout == ""
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_values_are_not_executed(call, tmp_path):
    done = call("--text", "$(touch executed)`touch executed`", "--stage=$(touch executed)")
    assert done.returncode == 0
    assert "$(touch executed)`touch executed`" in done.stdout
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("order", ["config first", "config last", "with equals sign"])
def test_command_line_wins_over_config(call, tmp_path, order):
    (tmp_path / "my.conf").write_text("stage=7\ntext='from the file'\n")
    words = {
        "config first": ["--config", "my.conf", "--stage", "1"],
        "config last": ["--stage", "1", "--config", "my.conf"],
        "with equals sign": ["--stage=1", "--config=my.conf"],
    }
    assert call(*words[order]).stdout.startswith("1|5|run.pl|false|from the file|0")


def test_config_behind_a_positional_word_belongs_to_the_script(call):
    assert (
        call("word", "--config", "missing.conf")
        .stdout.strip()
        .endswith("3|word --config missing.conf")
    )


def test_help_is_printed(call):
    done = call("--stage", "1", "--help")
    assert (done.returncode, done.stdout) == (0, "usage: this\nscript\n")


def test_wrong_words_give_the_usage(call):
    done = call("--stage", "1", "a", "b", "c", "d")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "usage: this\nscript\n")


def test_a_script_may_have_a_usage_of_its_own(repository, tmp_path):
    script = tmp_path / "script.sh"
    script.write_text(
        f"usage() {{ echo mine; exit 3; }}\n. {repository}/utils/parse_options.sh\nusage\n"
    )
    done = subprocess.run(["bash", script], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (3, "mine\n", "")
