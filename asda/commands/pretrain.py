"""`asda pretrain`"""

from __future__ import annotations

from asda.command_line import refuse_ineffective, run_cli, stated_settings
from asda.training.initial_model import OBJECTIVE
from asda.training.run_config import PretrainConfig


def main(argv: list[str]) -> None:
    config = run_cli(PretrainConfig, argv, "asda pretrain")
    if config.init:
        names = ", ".join(name.removeprefix("model.") for name in OBJECTIVE)
        reason = f"the model comes from {config.init}; only these can be changed: {names}"
        refuse_ineffective(argv, "model", reason, OBJECTIVE)
    from asda.tasks.pretraining import PretrainTask

    PretrainTask.run(config, stated_settings(argv))
