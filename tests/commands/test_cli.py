"""The command `asda`: fast and readable help, and errors in one line."""

import errno
import os
import re
import signal
import subprocess
import sys
from typing import get_args, get_type_hints

import pytest

from asda import __version__
from asda.cli import VERBS, main
from asda.configuration import to_dict
from asda.stop_signals import Stopped
from asda.training.run_config import PretrainConfig, TrainingConfig

# Tells of attempts to import slow packages also where the error is caught, as jsonargparse does.
WITHOUT_SLOW_PACKAGES = """
import sys
class Refusing:
    def find_spec(self, name, path=None, target=None):
        if name in ("torch", "numpy"):
            print("imports", name, file=sys.stderr)
            raise ImportError
sys.meta_path.insert(0, Refusing())
from asda.cli import main
main({})
"""


@pytest.mark.parametrize(
    "words", [["--help"], ["--version"], *([verb, "--help"] for verb in VERBS)]
)
def test_help_needs_no_slow_packages(words):
    program = WITHOUT_SLOW_PACKAGES.format(words)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert (words[0] if len(words) > 1 else __version__) in done.stdout


USAGE = {
    "pretrain": "[--config FILE] --exp DIR [--section.key VALUE ...]",
    "finetune": "[--config FILE] --train DIR --exp DIR [--section.key VALUE ...]",
    "score": "[--config FILE] --model FILE --data DIR --out DIR [--section.key VALUE ...]",
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
    assert "--exp DIR             experiment folder; an interrupted run" in text
    assert "--optimizer.lr FLOAT  peak learning rate (default: 0.0005)" in text
    found = re.findall(r"^  --([a-z_.]+)", text, re.MULTILINE)
    settings = keys(to_dict(PretrainConfig(train="data", exp="exp")))
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
        for key in (
            keys(value, f"{above}{name}.") if value and isinstance(value, dict) else [above + name]
        )
    ]


@pytest.mark.parametrize(
    ("words", "message"), [(["scroe"], "asda: no command 'scroe', did you mean score?"), ([], "")]
)
def test_without_a_command_usage_is_said(words, message, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(words)
    assert stopped.value.code == 2
    out, err = capsys.readouterr()
    assert err.startswith(message)
    assert "usage: asda COMMAND" in out + err


def failing(monkeypatch, error):
    def fail(argv):
        raise error

    monkeypatch.setattr("asda.commands.info.main", fail)


def test_what_the_machine_ends_is_one_line(monkeypatch, capsys):
    failing(monkeypatch, OSError(28, "No space left on device", "exp/model.pt"))
    with pytest.raises(SystemExit) as stopped:
        main(["info"])
    err = capsys.readouterr().err
    assert stopped.value.code == 1
    assert err.startswith("asda info: ") and "exp/model.pt" in err and err.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "number", "message"),
    [
        (KeyboardInterrupt(), signal.SIGINT, "asda info: interrupted\n"),
        (
            Stopped(signal.SIGTERM, "nothing is lost"),
            signal.SIGTERM,
            "asda info: nothing is lost\n",
        ),
        (Stopped(signal.SIGHUP), signal.SIGHUP, ""),
    ],
)
def test_what_a_signal_ends_is_one_line_and_ended_by_that_signal(
    monkeypatch, capsys, error, number, message
):
    """A loop of a shell ends with a command in it only if that was ended by the signal."""
    failing(monkeypatch, error)
    ended = []
    monkeypatch.setattr("asda.cli.end_by", ended.append)
    main(["info"])
    assert (ended, capsys.readouterr().err) == ([number], message)


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("words", [["--help"], ["info", "--help"], ["--version"], ["info", "x"]])
def test_a_reader_that_has_gone_ends_any_verb_quietly(monkeypatch, words, unbuffered):
    """As in `asda info model.pt | head -1`; argparse passes over the error, others end by it."""
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    program = (
        "import sys, types, asda.cli\n"
        "verb = types.SimpleNamespace(main=lambda argv: print('kind'))\n"
        "if 'x' in sys.argv: sys.modules['asda.commands.info'] = verb\n"
        "asda.cli.main()\n"
    )
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-c", program, *words], stdout=writer, stderr=subprocess.PIPE
    )
    os.close(writer)
    assert done.stderr == b""
    assert done.returncode == -signal.SIGPIPE or (words, done.returncode) == (["info", "--help"], 0)


def test_a_pipe_to_something_else_that_breaks_is_an_error(monkeypatch, capsys):
    failing(monkeypatch, BrokenPipeError(errno.EPIPE, "Broken pipe"))
    with pytest.raises(SystemExit):
        main(["info"])
    assert capsys.readouterr().err == "asda info: error: Broken pipe\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--optimizer.lrr 3", "no option --optimizer.lrr, did you mean --optimizer.lr?"),
        ("--model.clones 3", "--model.clones is now --model.num_masks"),
        ("--nothing_like_it", "no option --nothing_like_it"),
        ("--dump.train x", "no option --dump.train, did you mean --train?"),
        ("--model.patch.frek=3", "no option --model.patch.frek, did you mean --model.patch.freq?"),
        ("--training.precision fp8", "training.precision must be {precisions}, not fp8"),
        ("--training.updates many", "training.updates must be a whole number, not many"),
        ("--optimizer.lr x", "optimizer.lr must be a number, not x"),
        ("--augment.mixup_alpha half", "augment.mixup_alpha must be a number, not half"),
        ("--training.accept_changes maybe", "training.accept_changes must be true or false, not m"),
        ("--optimizer.betas [0.9]", "optimizer.betas: Expected a tuple with 2 elements."),
    ],
)
def test_wrong_options_are_said_in_the_words_of_the_user(capsys, words, message):
    with pytest.raises(SystemExit) as stopped:
        main(["finetune", "--train", "data", "--exp", "exp", *words.split()])
    assert stopped.value.code == 1
    *others, last = get_args(get_type_hints(TrainingConfig)["precision"])
    message = message.format(precisions=f"{', '.join(others)} or {last}")
    assert capsys.readouterr().err.startswith(f"asda finetune: error: {message}")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("data utt2dur --nj 0 x", "argument --nj: must be at least 1, not 0"),
        ("data reco2dur --nj -1 x", "argument --nj: must be at least 1, not -1"),
        ("data frames --nj 0 x", "argument --nj: must be at least 1, not 0"),
        ("data extract-segments --nj 0 x y", "argument --nj: must be at least 1, not 0"),
        ("data validate --check-audio -1 x", "argument --check-audio: must be at least 0, not -1"),
        ("data validate --shown two x", "argument --shown: must be a whole number, not 'two'"),
        ("data copy --validate-opts --no-sound x y", "unrecognized arguments: --no-sound"),
        ("dump plan x --nj 0 y", "argument --nj: must be at least 1, not 0"),
    ],
)
def test_wrong_options_of_verbs_are_refused_before_anything_is_done(capsys, words, message):
    with pytest.raises(SystemExit) as stopped:
        main(words.split())
    assert stopped.value.code == 2
    assert capsys.readouterr().err.endswith(f"error: {message}\n")


@pytest.mark.parametrize("words", [["--config", "{}"], ["--config={}"]])
def test_an_empty_file_sets_nothing(tmp_path, capsys, words):
    (tmp_path / "empty.yaml").write_text("# all defaults\n")
    words = [word.format(tmp_path / "empty.yaml") for word in words]
    with pytest.raises(SystemExit):
        main(["pretrain", *words, "--train", f"{tmp_path}/none", "--exp", f"{tmp_path}/exp"])
    assert capsys.readouterr().err.endswith(f"{tmp_path}/none: no such data directory\n")


class OutOfMemoryError(RuntimeError):
    """Named as that of torch."""


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MemoryError(), "there is too little memory"),
        (
            RuntimeError("[enforce fail]\nDefaultCPUAllocator: can't allocate memory: you"),
            "there is",
        ),
        (ImportError("libtorch.so: failed to map segment from shared object"), "there is too"),
        (RuntimeError("can't start new thread"), "there is too little memory"),
        (OutOfMemoryError("CUDA out of memory.\nTried"), "the memory of the GPU is too small"),
        (OSError(errno.EMFILE, "Too many open files", "x"), "x: Too many open files; allow more"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "Cannot allocate memory; end other"),
    ],
)
def test_too_little_memory_and_too_few_files_are_one_line(error, said, monkeypatch, capsys):
    def fail(argv):
        raise error

    monkeypatch.setattr("asda.cli._run", fail)
    with pytest.raises(SystemExit) as stopped:
        main(["pretrain"])
    assert stopped.value.code == 1
    line, *others = capsys.readouterr().err.splitlines()
    assert line.startswith(f"asda pretrain: error: {said}")
    assert not others


@pytest.mark.parametrize(("limit", "caught"), [(4 << 30, SystemExit), (-1, RuntimeError)])
def test_what_onednn_says_means_memory_where_it_is_limited(limit, caught, monkeypatch, capsys):
    def fail(argv):
        raise RuntimeError("could not create a primitive")

    monkeypatch.setattr("asda.cli._run", fail)
    monkeypatch.setattr("resource.getrlimit", lambda kind: (limit, -1))
    with pytest.raises(caught):
        main(["pretrain"])
    assert ("there is too little memory" in capsys.readouterr().err) == (caught is SystemExit)


def test_other_errors_keep_their_traceback(monkeypatch):
    def fail(argv):
        raise RuntimeError("size mismatch")

    monkeypatch.setattr("asda.cli._run", fail)
    with pytest.raises(RuntimeError, match="size mismatch"):
        main(["pretrain"])
