"""Commands that have commands of their own, the verbs, such as `fix` in `asda data fix`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any


class Subcommands:
    """The verbs of one command, by argparse; each has options and a function.

    Plain argparse, because these verbs take positional arguments: folders that a shell pattern
    expands to, and the arguments of Kaldi's scripts.

    Args:
        prog: the command as it is typed, e.g. "asda data"
        description: first lines of its help
        options: further arguments of argparse.ArgumentParser
    """

    def __init__(self, prog: str, description: str | None, **options: Any):
        self._parser = argparse.ArgumentParser(prog=prog, description=description, **options)
        self._verbs = self._parser.add_subparsers(required=True, metavar="COMMAND")

    def add(self, name: str, function: Callable[..., None], text: str) -> argparse.ArgumentParser:
        """Add a verb and return its parser, to which the caller adds the options.

        Args:
            name: the verb
            function: called with the options by name
            text: its help, which becomes a sentence in the help of the verb itself
        """
        sentence = f"{text[0].upper()}{text[1:]}."
        parser = self._verbs.add_parser(name, help=text, description=sentence, allow_abbrev=False)
        parser.set_defaults(run=function)
        return parser

    def run(self, argv: list[str]) -> None:
        """Parse the words after the command, and call the function of their verb."""
        arguments = vars(self._parser.parse_args(argv))
        arguments.pop("run")(**arguments)
