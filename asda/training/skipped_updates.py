"""Updates that are skipped because their loss or gradient is not finite."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import torch
from torch import Tensor

from asda.files import listed, plural
from asda.training.train_state import TrainState

log = logging.getLogger(__name__)
LIMIT = 10  # skipped updates in a row that stop a run; flags are read this often


@dataclass
class UpdateRecord:
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
    """Counts and reports skipped updates; their flags are read from the device now and then.

    Args:
        state: where the counts are kept
    """

    def __init__(self, state: TrainState):
        self.state = state
        self.records: list[UpdateRecord] = []

    def add(self, record: UpdateRecord) -> None:
        """Add an update, whose flag is read later."""
        self.records.append(record)

    @property
    def is_full(self) -> bool:
        """Whether enough updates were added to read their flags."""
        return len(self.records) >= LIMIT

    def count(self) -> UpdateRecord | None:
        """Read the flags of all added updates; return the one that is too many in a row, if any."""
        if not self.records:
            return None
        flags = torch.stack([one.skipped for one in self.records]).tolist()
        skipped = [one for one, flag in zip(self.records, flags, strict=True) if flag]
        too_many = None
        for one, flag in zip(self.records, flags, strict=True):
            self.state.skipped_in_a_row = self.state.skipped_in_a_row + 1 if flag else 0
            if self.state.skipped_in_a_row >= LIMIT:
                too_many = too_many or one
        self.state.skipped += len(skipped)
        self.records = []
        if skipped:
            log.warning(
                "skipped %s: loss or gradient not finite (%d so far); clips of the last: %s",
                _updates([one.update for one in skipped]),
                self.state.skipped,
                listed(skipped[-1].utterances),
            )
        return too_many


def _updates(numbers: list[int]) -> str:
    return f"{plural(len(numbers), 'update')} {', '.join(map(str, numbers))}"
