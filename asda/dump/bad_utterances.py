"""The list of utterances whose audio cannot be used, and how many of them are tolerated."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from asda.corpus.datadir import write_table
from asda.files import InputError


def list_bad(path: Path, bad: Mapping[str, str]) -> None:
    """Write utterance -> reason as a table; remove an old one if there are none."""
    path.unlink(missing_ok=True)
    if bad:
        write_table(path, bad)


def check_bad(
    bad: Mapping[str, str], wanted: int, max_bad: float, option: str, where: str, listed: Path
) -> None:
    """Refuse too many unusable utterances.

    A single one is always tolerated, unless `max_bad` is 0.

    Args:
        bad: utterance -> reason
        wanted: number of all utterances
        max_bad: fraction that may be unusable
        option: its name, for the message
        where: what the utterances belong to, for the message
        listed: the list that `list_bad` has written

    Raises:
        InputError: with the first reason.
    """
    if len(bad) > (max(1.0, max_bad * wanted) if max_bad else 0):
        utterance = min(bad)
        raise InputError(
            f"{where}: {len(bad)} of {wanted} utterances cannot be used, which exceeds "
            f"{option} {max_bad:g}: fix or remove them, or raise the limit; "
            f"'{utterance}': {bad[utterance]}" + (f" (all: {listed})" if len(bad) > 1 else "")
        )
