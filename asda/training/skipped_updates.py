"""Updates that are skipped because their loss or gradient is not finite."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import torch
from torch import Tensor

from asda.training.train_state import TrainState

log = logging.getLogger(__name__)
LIMIT = 10  # updates in a row, after which a run stops; as often the device is asked about them
SHOWN = 5  # names of utterances in a message


@dataclass
class Made:
    """An update that was made or skipped.

    Args:
        update: its number, from 1
        skipped: 0-d tensor on the device; 1 = skipped
        utterances: clips of this process
    """

    update: int
    skipped: Tensor
    utterances: list[str]


class SkippedUpdates:
    """Counts skipped updates and reports them, asking the device only now and then.

    Args:
        state: where the counts are kept
    """

    def __init__(self, state: TrainState):
        self.state = state
        self.made: list[Made] = []

    def note(self, made: Made) -> None:
        self.made.append(made)

    @property
    def is_full(self) -> bool:
        """Whether it is time to settle."""
        return len(self.made) >= LIMIT

    def settle(self) -> Made | None:
        """Read the flags of all noted updates; return the one that is too many in a row, if any."""
        if not self.made:
            return None
        flags = torch.stack([one.skipped for one in self.made]).tolist()
        skipped = [one for one, flag in zip(self.made, flags, strict=True) if flag]
        too_many = None
        for one, flag in zip(self.made, flags, strict=True):
            self.state.skipped_in_a_row = self.state.skipped_in_a_row + 1 if flag else 0
            if self.state.skipped_in_a_row >= LIMIT:
                too_many = too_many or one
        self.state.skipped += len(skipped)
        self.made = []
        if skipped:
            log.warning(
                "skipped %s: loss or gradient not finite (%d so far); clips of the last: %s",
                _updates([one.update for one in skipped]),
                self.state.skipped,
                named(skipped[-1].utterances),
            )
        return too_many


def _updates(numbers: list[int]) -> str:
    return ("update " if len(numbers) == 1 else "updates ") + ", ".join(map(str, numbers))


def named(utterances: list[str]) -> str:
    """Return the first utterances and how many there are."""
    more = f", ... ({len(utterances)} in all)" if len(utterances) > SHOWN else ""
    return ", ".join(utterances[:SHOWN]) + more
