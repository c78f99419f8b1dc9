"""The command `asda`: fast and readable help, and errors in one line."""

import re
import subprocess
import sys

import pytest

from asda import __version__
from asda.cli import VERBS, main
from asda.configuration import to_dict
from asda.training.run_config import PretrainConfig

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


USAGE = {
    "pretrain": "[--config FILE] --train DIR --exp DIR [--section.key VALUE ...]",
    "finetune": "[--config FILE] --train DIR --exp DIR [--section.key VALUE ...]",
    "score": "[--config FILE] --model FILE --data DIR --out DIR [--option VALUE ...]",
    "info": "CHECKPOINT",
    "import-checkpoint": "SOURCE OUT [--option VALUE ...]",
    "export": "MODEL OUT [--option VALUE ...]",
}


def help_of(verb, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([verb, "--help"])
    assert stopped.value.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("verb", USAGE)
def test_help_begins_with_one_usage_line_and_a_sentence(verb, capsys):
    usage, empty, sentence, *_ = help_of(verb, capsys).splitlines()
    assert usage == f"usage: asda {verb} {USAGE[verb]}"
    assert empty == ""
    assert sentence[0].isupper()


def test_help_shows_every_setting_once_with_its_default_and_without_types(capsys):
    text = help_of("pretrain", capsys)
    assert "(type:" not in text and "default: null" not in text
    assert "--train DIR           data directory to train on (required)" in text
    assert "--optimizer.lr FLOAT  peak learning rate (default: 0.0005)" in text
    found = re.findall(r"^  --([a-z_.]+)", text, re.MULTILINE)
    settings = keys(to_dict(PretrainConfig("data", "exp")))
    assert set(found) == {*settings, "config", "print_config"}
    assert len(found) == len(settings) + 2
    words = " ".join(text.partition("options:")[2].split())
    for key in settings:  # each has a help text: more than its default
        assert not re.search(rf"--{re.escape(key)} \S+ (\(default|--)", words), key


def keys(values, above=""):
    """Return the dotted keys of nested settings."""
    return [
        key
        for name, value in values.items()
        for key in (keys(value, f"{above}{name}.") if isinstance(value, dict) else [above + name])
    ]


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
        (KeyboardInterrupt(), 130, "interrupted; repeat the command to resume"),
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
