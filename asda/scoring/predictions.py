"""Scored clips and the file that holds them."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from asda.files import InputError, atomic_write


@dataclass
class ScoredClips:
    """What a classifier says of clips, and the truth; the content of scores.npz.

    Args:
        utterances: (clips,) str
        scores: (clips, classes) float32, comparable between clips (see Metrics)
        targets: (clips, classes) uint8, 0/1
        labels: (classes,) str, class order
    """

    utterances: np.ndarray
    scores: np.ndarray
    targets: np.ndarray
    labels: np.ndarray

    def __post_init__(self) -> None:
        shape = (len(self.utterances), len(self.labels))
        if self.scores.shape != shape or self.targets.shape != shape:
            raise ValueError(
                f"{shape[0]} utterances and {shape[1]} labels, but scores {self.scores.shape} "
                f"and targets {self.targets.shape}"
            )
        if not shape[0]:
            raise InputError("no clips were scored")
        bad = ~np.isfinite(self.scores).all(axis=1)
        if bad.any():
            raise InputError(
                f"{bad.sum()} clips have scores that are not finite numbers "
                f"(first: {self.utterances[bad.argmax()]})"
            )

    @classmethod
    def load(cls, folder: str | Path) -> ScoredClips:
        """Read scores.npz of a score folder."""
        path = Path(folder) / "scores.npz"
        try:
            with np.load(path, allow_pickle=False) as arrays:
                return cls(*(arrays[name] for name in cls.__dataclass_fields__))
        except FileNotFoundError:
            raise InputError(f"{path}: no such file; score the model first") from None
        except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise InputError(f"{path}: damaged, or not the scores of clips ({error})") from None

    def save(self, folder: str | Path) -> None:
        """Write scores.npz into a score folder."""
        with atomic_write(Path(folder) / "scores.npz", "wb") as stream:
            np.savez_compressed(stream, **{n: getattr(self, n) for n in self.__dataclass_fields__})
