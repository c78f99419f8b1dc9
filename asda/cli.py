"""The program asda, `asda COMMAND`; the code of a command is imported only when it is called."""

from __future__ import annotations

import contextlib
import importlib
import os
import select
import signal
import sys

from asda import __version__
from asda.audio.wav_scp import NO_PIPES, forbid_commands
from asda.configuration import nearest
from asda.files import InputError, reason_of
from asda.memory_shortage import memory_shortage
from asda.stop_signals import Stopped, end_by

FORBID = "--no-pipes"
VERBS = {
    "data": "list audio files; summarise, check, repair, split and combine data directories",
    "dump": "compute log-mel features of data directories into ark/scp",
    "pretrain": "pretrain an encoder on unlabelled audio",
    "finetune": "train a classifier on a pretrained encoder, or from scratch",
    "finetune-ctc": "train a speech recogniser on a pretrained encoder, or from scratch",
    "units": "train the units of recognition (sentencepiece) on transcripts",
    "ngram": "estimate an n-gram language model on transcripts",
    "baseline": "train and score baselines on band statistics",
    "score": "score a trained classifier or recogniser on a data directory",
    "tag": "label audio files, folders, data directories or standard input",
    "transcribe": "recognise speech in files, folders, data directories or standard input",
    "embed": "write embeddings of audio files, folders, data directories or standard input",
    "probe": "evaluate a frozen encoder by probes on its embeddings",
    "results": "list, merge and compare results of experiments",
    "report": "write one HTML page about an experiment",
    "plot": "draw attention, masks, embeddings and training curves as PNG or SVG",
    "info": "show the contents of a model file",
    "models": "list and fetch models by name, and give names to your own",
    "average": "write a model.pt from one checkpoint of a run, or the average of several",
    "import-checkpoint": "convert a checkpoint of ASDA, EAT or SSLAM to a model.pt",
    "export": "write a model in the format of another program",
}


def usage() -> str:
    """Return the text of `asda --help`."""
    verbs = "\n".join(f"  {verb:<18} {text}" for verb, text in VERBS.items())
    return (
        f"asda {__version__}: self-supervised audio representations with differential attention\n\n"
        f"usage: asda COMMAND [options]      asda COMMAND --help\n\n{verbs}\n\n"
        f"With any COMMAND, {FORBID} (or {NO_PIPES}=1 in the environment) forbids the shell\n"
        "commands in wav.scp and feats.scp: asda then only reads the files in a list, and runs\n"
        "nothing that a list names.\n"
    )


def main(argv: list[str] | None = None) -> None:
    """Run one command; mistakes of the user are one line on standard error, exit status 1 or 2."""
    argv = sys.argv[1:] if argv is None else argv
    if FORBID in argv:
        forbid_commands()
        argv = [word for word in argv if word != FORBID]
    prog = " ".join(["asda", *argv[:1]])
    try:
        try:
            _run(argv)
        finally:
            sys.stdout.flush()  # The interpreter would do so too late for an answer.
    except (InputError, OSError) as error:  # OSError: for example, a full disk
        if isinstance(error, BrokenPipeError) and _has_no_reader(1):
            end_by(signal.SIGPIPE)  # quietly, as other programs do: asda info FILE | head -1
        print(f"{prog}: error: {reason_of(error)}", file=sys.stderr)
        _drop_unwritable_output()
        sys.exit(1)
    except (MemoryError, RuntimeError, ImportError) as error:
        shortage = memory_shortage(error)
        if shortage is None:
            raise
        print(f"{prog}: error: {shortage}", file=sys.stderr)
        sys.exit(1)
    except Stopped as stop:
        _print_and_end(f"{prog}: {stop}" if str(stop) else "", stop.number)
    except KeyboardInterrupt:
        _print_and_end(f"{prog}: interrupted", signal.SIGINT)


def _run(argv: list[str]) -> None:
    if not argv or argv[0] in ("-h", "--help"):
        print(usage(), end="")
        sys.exit(0 if argv else 2)
    verb = argv[0]
    if verb == "--version":
        print(__version__)
    elif verb in VERBS:
        importlib.import_module(f"asda.commands.{verb.replace('-', '_')}").main(argv[1:])
    else:
        wrong = f"asda: no command '{verb}'{nearest(verb, list(VERBS))}"
        print(f"{wrong}\n\n{usage()}", end="", file=sys.stderr)
        sys.exit(2)


def _drop_unwritable_output() -> None:
    """Drop what standard output refuses, which would be an error again when the program ends."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _has_no_reader(descriptor: int) -> bool:
    """Return whether a pipe is closed at its other end.

    Other pipes break as well, for example to a child that has failed, so a BrokenPipeError alone
    does not tell which it was.
    """
    poll = select.poll()
    poll.register(descriptor, 0)
    return any(event & select.POLLERR for _, event in poll.poll(0))


def _print_and_end(message: str, number: int) -> None:
    with contextlib.suppress(OSError):  # the terminal may be closed
        if message:
            print(message, file=sys.stderr)
    end_by(number)


if __name__ == "__main__":
    main()
