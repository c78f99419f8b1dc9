"""The command `asda`: help comes at once, and a verb that does not exist is said."""

import subprocess
import sys

import pytest

from asda import __version__
from asda.cli import VERBS, main

# A module that is None in sys.modules can't be imported.
WITHOUT_TORCH = "import sys; sys.modules['torch'] = None; from asda.cli import main; main({})"


@pytest.mark.parametrize(
    "words", [["--help"], ["--version"], *([verb, "--help"] for verb in VERBS)]
)
def test_help_needs_no_torch(words):
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH.format(words)], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (words[0] if len(words) > 1 else __version__) in done.stdout


@pytest.mark.parametrize(
    ("words", "message"), [(["scroe"], "asda: no verb 'scroe', did you mean score?"), ([], "")]
)
def test_without_a_verb_usage_is_said(words, message, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(words)
    assert stopped.value.code == 2
    out, err = capsys.readouterr()
    assert err.startswith(message)
    assert "usage: asda VERB" in out + err


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (OSError(28, "No space left on device", "exp/model.pt"), 1, "exp/model.pt"),
        (KeyboardInterrupt(), 130, "interrupted; the same call continues"),
    ],
)
def test_what_the_machine_or_the_user_ends_is_one_line(monkeypatch, capsys, error, code, message):
    def fail(argv):
        raise error

    monkeypatch.setattr("asda.commands.info.main", fail)
    with pytest.raises(SystemExit) as stopped:
        main(["info"])
    err = capsys.readouterr().err
    assert stopped.value.code == code
    assert err.startswith("asda info: ") and message in err and err.count("\n") == 1
