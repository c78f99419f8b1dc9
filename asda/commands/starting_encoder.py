"""Options of fine-tuning that the encoder it starts from makes ineffective."""

from __future__ import annotations

from asda.command_line import refuse_ineffective
from asda.training.run_config import RunConfig


def refuse_without_effect(argv: list[str], config: RunConfig, head: str) -> None:
    """Refuse settings of the network if `init` brings one, and the choice of an encoder if none is.

    Args:
        argv: words of the command
        config: read from them
        head: section of the settings of the head, which has the setting `encoder`
    """
    if config.init:
        refuse_ineffective(argv, "model", f"the model comes from {config.init}")
    else:
        reason = "it selects an encoder of the model given by --init"
        refuse_ineffective(argv, f"{head}.encoder", reason)
