"""What a clip carries in addition to its features: its extras, by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from asda.corpus.datadir import DataDir
from asda.files import InputError, listed
from asda.model.masking import sample_visible
from asda.model.model_config import ResolvedModel, patch_grid


class Target(Protocol):
    """An extra of each clip: made for one utterance, padded for a batch.

    Attributes:
        name: its key in `Clip.extras` and `Batch.extras`
    """

    name: str

    def of(self, utterance: str, num_frames: int, rng: np.random.Generator) -> np.ndarray:
        """Return the extra of a clip.

        Args:
            utterance: its ID
            num_frames: frames of the clip after cropping, as the model sees it
            rng: generator of the clip, seeded by run, epoch and index
        """

    def pad(self, rows: list[np.ndarray]) -> Tensor:
        """Return the extras of a batch as one tensor, batch first."""


@runtime_checkable
class CheckedTarget(Protocol):
    """A target that can tell before training starts whether it exists for every clip."""

    def check(self, utterances: Sequence[str]) -> None:
        """Raise InputError if utterances lack this target."""


@runtime_checkable
class SelectiveTarget(Protocol):
    """A target that some clips are not fit for."""

    def unusable(self, utterance: str, num_frames: int) -> str | None:
        """Return why a clip cannot be used, as "with an empty transcript"; None if it can.

        Args:
            utterance: its ID
            num_frames: its length before any change
        """

    def remedy(self, fault: str, frame_seconds: float) -> str | None:
        """Return what helps if most clips have a fault of the model; None for one of the clips.

        Args:
            fault: what `unusable` has returned
            frame_seconds: from the start of a frame to the start of the next
        """


class VisiblePatches:
    """Indices of the patches that the student sees, drawn independently for each mask of a clip.

    Args:
        model: resolved model configuration, which fixes patches and masks
    """

    name = "visible"

    def __init__(self, model: ResolvedModel):
        self.model = model

    def of(self, utterance: str, num_frames: int, rng: np.random.Generator) -> np.ndarray:
        """Return (num_masks, visible) int64."""
        grid = patch_grid(self.model, num_frames)
        return sample_visible(*grid, self.model.num_masks, self.model.mask, rng)

    def pad(self, rows: list[np.ndarray]) -> Tensor:
        """Return (batch, num_masks, visible) int64, -1 where a clip has fewer visible patches."""
        num_masks, widest = len(rows[0]), max(row.shape[1] for row in rows)
        padded = np.full((len(rows), num_masks, widest), -1, np.int64)
        for out, visible in zip(padded, rows, strict=True):
            out[:, : visible.shape[1]] = visible
        return torch.from_numpy(padded)


class MultiHot:
    """The labels of a clip as a vector with 1 for each of its classes.

    Only the class numbers are kept: for many classes they take a small part of the memory that
    vectors would.

    Args:
        directory: data directory with utt2label
        labels: all classes in their order
    """

    name = "labels"

    def __init__(self, directory: DataDir, labels: Sequence[str]):
        self.path = directory.path / "utt2label"
        self.num_classes = len(labels)
        index = {label: number for number, label in enumerate(labels)}
        self.classes: dict[str, tuple[int, ...]] = {}
        self.unknown: dict[str, str] = {}  # utterance -> label that is not one of `labels`
        combinations: dict[tuple[int, ...], tuple[int, ...]] = {}
        for utterance, words in directory.utt2label.items():
            unknown = next((word for word in words if word not in index), None)
            if unknown is not None:
                self.unknown[utterance] = unknown
                continue
            classes = tuple(index[word] for word in dict.fromkeys(words))
            # Many clips have the same labels: they share one tuple.
            self.classes[utterance] = combinations.setdefault(classes, classes)

    def check(self, utterances: Sequence[str]) -> None:
        """Refuse clips without a line in utt2label, and labels that are not among the classes."""
        if unknown := [u for u in utterances if u in self.unknown]:
            labels = list(dict.fromkeys(self.unknown[utterance] for utterance in unknown))
            raise InputError(
                f"{self.path}: {len(unknown)} clips have labels that are unknown to the model"
                f" ({listed(labels)}; first: {unknown[0]}); correct them, or train with them in"
                " labels.txt"
            )
        if missing := [u for u in utterances if u not in self.classes]:
            raise InputError(
                f"{self.path}: no line for {len(missing)} of {len(utterances)} clips (first:"
                f" {missing[0]}); a clip with none of the classes needs a line without labels"
            )

    def of(self, utterance: str, num_frames: int, rng: np.random.Generator) -> np.ndarray:
        """Return (classes,) float32."""
        row = np.zeros(self.num_classes, np.float32)
        row[list(self.classes[utterance])] = 1
        return row

    def pad(self, rows: list[np.ndarray]) -> Tensor:
        """Return (batch, classes) float32."""
        return torch.from_numpy(np.stack(rows))

    def count(self, utterances: Sequence[str]) -> np.ndarray:
        """Return how many of these clips have each class, (classes,) int64."""
        classes = [number for utterance in utterances for number in self.classes[utterance]]
        return np.bincount(np.array(classes, dtype=np.int64), minlength=self.num_classes)

    def matrix(self, utterances: Sequence[str]) -> np.ndarray:
        """Return the labels of all these clips, (clips, classes) uint8.

        Raises:
            InputError: as `check`.
        """
        self.check(utterances)
        matrix = np.zeros((len(utterances), self.num_classes), np.uint8)
        for row, utterance in zip(matrix, utterances, strict=True):
            row[list(self.classes[utterance])] = 1
        return matrix
