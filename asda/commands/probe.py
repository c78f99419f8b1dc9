"""`asda probe`: evaluate a frozen encoder by probes on its embeddings."""

from __future__ import annotations

from asda.command_line import run_cli
from asda.probing.probe_config import ProbeConfig
from asda.unread_settings import refuse_unread


def main(argv: list[str]) -> None:
    if argv and not argv[0].startswith("-"):  # asda probe MODEL --train DIR ...
        argv = ["--model", *argv]
    config = run_cli(ProbeConfig, argv, "asda probe")
    refuse_unread(config)
    from asda.probing.run_probes import probe

    probe(config)
