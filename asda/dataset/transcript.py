"""Transcripts of clips as targets of recognition."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from asda.corpus.datadir import DataDir
from asda.files import InputError, listed
from asda.model.model_config import ResolvedModel, patch_grid
from asda.text.transcripts import read_transcripts, require_transcripts
from asda.text.unit_model import UNKNOWN, UnitModel

MOST_UNKNOWN = 0.5  # of the transcripts; above it, the units belong to another language
UNALIGNED = "with more units than CTC can align with the frames"


class Transcript:
    """The units of the transcript of a clip.

    Args:
        directory: data directory with `text`
        units: normalise and divide the transcripts
        model: resolved configuration of the model, which fixes the patches
        steps_per_patch: outputs of the CTC head for each time of the patches
        max_frames: longest input of the model

    Attributes:
        texts: utterance -> normalised transcript
    """

    name = "transcript"

    def __init__(
        self,
        directory: DataDir,
        units: UnitModel,
        model: ResolvedModel,
        steps_per_patch: int,
        max_frames: int,
    ):
        self.directory, self.path = directory, directory.path / "text"
        self.unit_model, self.model, self.steps_per_patch = units, model, steps_per_patch
        self.max_frames = max_frames
        self.texts = {name: units.rules(t) for name, t in read_transcripts(directory).items()}
        self.units = {name: np.array(units.encode(t), np.int64) for name, t in self.texts.items()}

    def unusable(self, utterance: str, num_frames: int) -> str | None:
        """Return why a clip cannot be learned from, None if it can.

        Args:
            utterance: its ID, which may have no transcript (see `check`)
            num_frames: its length before any change
        """
        units = self.units.get(utterance)
        if units is None:
            return None
        if not len(units):
            return "with an empty transcript"
        if num_frames > self.max_frames:
            return f"with more than data.max_frames {self.max_frames} frames"
        if least_steps(units) > patch_grid(self.model, num_frames)[0] * self.steps_per_patch:
            return UNALIGNED
        return None

    def remedy(self, fault: str, frame_seconds: float) -> str | None:
        """Return what lets CTC align the units, with the outputs that there are now."""
        if fault != UNALIGNED:
            return None
        seconds = self.model.patch.time_stride * frame_seconds
        return (
            f"the model has patches every {1000 * seconds:g} ms and gives"
            f" {self.steps_per_patch / seconds:g} outputs per second: take shorter or overlapping"
            " patches (model.patch), larger units (asda units), or a higher ctc.steps_per_patch"
        )

    def check(self, utterances: Sequence[str]) -> None:
        """Refuse clips without a transcript, and units that do not fit the transcripts."""
        require_transcripts(self.directory, self.units, utterances, "clips")
        unknown = self.unknown(utterances)
        if len(unknown) > MOST_UNKNOWN * len(utterances):
            first = next(iter(unknown))
            raise InputError(
                f"{self.path}: {len(unknown)} of {len(utterances)} transcripts contain text unknown"
                f" to the units (first: {first}, {listed(sorted(unknown[first]))}); train units on"
                " these transcripts: asda units"
            )

    def unknown(self, utterances: Sequence[str]) -> dict[str, set[str]]:
        """Return utterance -> text unknown to the units, for transcripts that contain any."""
        found = [u for u in utterances if UNKNOWN in self.units[u]]
        return {utterance: self.unit_model.unknown(self.texts[utterance]) for utterance in found}

    def of(self, utterance: str, num_frames: int, rng: np.random.Generator) -> np.ndarray:
        """Return (units,) int64."""
        return self.units[utterance]

    def pad(self, rows: list[np.ndarray]) -> Tensor:
        """Return (batch, units) int64, -1 where a clip has fewer units."""
        padded = np.full((len(rows), max(map(len, rows))), -1, np.int64)
        for out, units in zip(padded, rows, strict=True):
            out[: len(units)] = units
        return torch.from_numpy(padded)


def least_steps(units: np.ndarray) -> int:
    """Return the least steps of a CTC alignment: a blank must stand between equal units."""
    return len(units) + int((units[1:] == units[:-1]).sum())
