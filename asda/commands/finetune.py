"""`asda finetune`"""

from __future__ import annotations

from asda.command_line import run_cli
from asda.files import InputError
from asda.training.run_config import FinetuneConfig


def main(argv: list[str]) -> None:
    config = run_cli(FinetuneConfig, argv, "asda finetune")
    _refuse_idle(argv, config.init)
    from asda.tasks.classification import ClassificationTask

    ClassificationTask.run(config)


def _refuse_idle(argv: list[str], init: str | None) -> None:
    """Refuse options without effect; a file may set them, to be used with and without `init`."""
    idle, reason = "--classifier.encoder", "it selects an encoder of the model given by --init"
    if init:
        idle, reason = "--model", f"the model is that of {init}"
    for word in argv:
        if word.partition("=")[0] == idle or word.startswith(f"{idle}."):
            raise InputError(f"{word} has no effect: {reason}")
