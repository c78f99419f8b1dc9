"""A set of clips with what was measured on each of them: the content of scores.npz."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np

from asda.configuration import one_line
from asda.files import InputError, atomic_write
from asda.scoring.measurable import Measurable

SetType = TypeVar("SetType", bound="ScoredSet")

UNNAMED_KIND = "classification"  # Files written before other kinds existed do not name theirs.


class ScoredSet(ABC):
    """Clips, what was measured on each of them, and the truth.

    Comparisons, folds and result folders use only what this class declares, so they work for every
    kind of scores.
    """

    kind: ClassVar[str]  # names the class in scores.npz and result.json
    per_clip: ClassVar[tuple[str, ...]]  # the names in `arrays` that have a row for each clip
    columns_name: ClassVar[str]  # what `columns` is called in messages

    utterances: np.ndarray  # (clips,) str

    @property
    @abstractmethod
    def columns(self) -> list[str]:
        """What two sets must have in common to be pooled or compared, e.g. the label list."""

    @abstractmethod
    def same_truth(self: SetType, other: SetType) -> np.ndarray:
        """Return whether two sets agree on the truth of each clip, (clips,) bool.

        Args:
            other: the same clips in the same order, with the same columns
        """

    @abstractmethod
    def measurable(self) -> Measurable:
        """Return the metrics of these clips."""

    @abstractmethod
    def arrays(self) -> dict[str, np.ndarray]:
        """Return the content as named arrays, without Python objects."""

    @classmethod
    @abstractmethod
    def from_arrays(cls: type[SetType], arrays: Mapping[str, np.ndarray]) -> SetType:
        """Return the set whose `arrays` these are.

        Raises:
            KeyError, ValueError: if an array is missing or does not fit the others.
        """

    def __len__(self) -> int:
        return len(self.utterances)

    def select(self: SetType, rows: np.ndarray) -> SetType:
        """Return the clips of `rows`, an index array, in that order."""
        chosen = {name: self.arrays()[name][rows] for name in self.per_clip}
        return self.from_arrays(self.arrays() | chosen)

    def sorted(self: SetType) -> SetType:
        """Return the same clips in the order of their utterance IDs."""
        return self.select(np.argsort(self.utterances))

    @classmethod
    def concatenate(cls: type[SetType], parts: Sequence[SetType]) -> SetType:
        """Return the clips of all parts, which have the same columns, as one set."""
        arrays = [part.arrays() for part in parts]
        joined = {name: np.concatenate([each[name] for each in arrays]) for name in cls.per_clip}
        return cls.from_arrays(arrays[0] | joined)

    def save(self, folder: str | Path) -> None:
        """Write scores.npz into a score folder."""
        arrays: dict[str, Any] = {"kind": np.array(self.kind), **self.arrays()}
        with atomic_write(Path(folder) / "scores.npz", "wb") as stream:
            np.savez_compressed(stream, **arrays)

    @classmethod
    def load(cls: type[SetType], folder: str | Path) -> SetType:
        """Read scores.npz of a score folder.

        Raises:
            InputError: if the file is missing, damaged or of another kind.
        """
        with _opened(folder) as (path, arrays):
            if (kind := _kind(arrays)) != cls.kind:
                raise InputError(f"{path}: holds scores of the kind {kind}, not {cls.kind}")
            return cls.from_arrays(arrays)


def stored_kind(folder: str | Path) -> str:
    """Return the kind of the scores in a score folder.

    Raises:
        InputError: if scores.npz is missing or damaged.
    """
    with _opened(folder) as (_, arrays):
        return _kind(arrays)


def _kind(arrays: Mapping[str, np.ndarray]) -> str:
    return str(arrays["kind"]) if "kind" in arrays else UNNAMED_KIND


@contextmanager
def _opened(folder: str | Path) -> Iterator[tuple[Path, Mapping[str, np.ndarray]]]:
    """Open scores.npz, and refuse in one line what is not such a file."""
    path = Path(folder) / "scores.npz"
    try:
        with np.load(path, allow_pickle=False) as arrays:
            yield path, arrays
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; score the model first") from None
    except InputError:
        raise
    except Exception as error:  # damaged bytes can make numpy raise anything
        raise InputError(
            f"{path}: damaged, or not the scores of clips ({one_line(error)})"
        ) from None


def refuse_unmeasurable(utterances: np.ndarray, values: np.ndarray, what: str) -> None:
    """Refuse an empty set of clips, and clips with values that are not finite numbers.

    Args:
        utterances: (clips,) str
        values: (clips, ...) float
        what: the name of the values in the message, e.g. "scores"
    """
    if not len(utterances):
        raise InputError("no clips were scored")
    bad = ~np.isfinite(values).reshape(len(utterances), -1).all(axis=1)
    if bad.any():
        raise InputError(
            f"{bad.sum()} clips have {what} that are not finite numbers "
            f"(first: {utterances[np.argmax(bad)]})"
        )
