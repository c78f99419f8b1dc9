"""Sources of log-mel features: a dump, or audio from which they are computed on the fly."""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from asda.corpus.datadir import DataDir
from asda.dataset.computed_features import ComputedFeatures
from asda.dataset.dumped_features import DumpedFeatures
from asda.distributed import place
from asda.dump.bad_utterances import check_bad, list_bad
from asda.features.extract import WaveformTransform
from asda.features.fbank_file import load_fbank
from asda.features.matrix import Matrix
from asda.features.moments import Moments
from asda.files import InputError

log = logging.getLogger(__name__)


class FeatureSource(Protocol):
    """Log-mel features by utterance."""

    def __contains__(self, utterance: str) -> bool:
        """Return whether the source has features of an utterance."""

    def num_frames(self, utterance: str) -> int:
        """Return the number of frames of an utterance."""

    def features(self, utterance: str) -> Matrix:
        """Return log-mel features (frames, mel), which may be read later."""

    def moments(self, utterances: Sequence[str]) -> Moments:
        """Return the moments of all values of these utterances."""

    def fbank_config(self) -> dict[str, Any]:
        """Return the settings the features were computed with; {} if they are unknown."""


@runtime_checkable
class FromAudio(Protocol):
    """A source with waveforms, which can be changed before features are computed from them.

    Attributes:
        bad: utterance -> reason why its audio cannot be used
    """

    bad: dict[str, str]

    def transformed_features(self, utterance: str, transform: WaveformTransform) -> Matrix:
        """Return log-mel features (frames, mel) of the transformed waveform of an utterance."""


@runtime_checkable
class OnDisk(Protocol):
    """A source whose features lie on a disk, where the order of reading matters."""

    def disk_order(self, utterances: Sequence[str]) -> np.ndarray:
        """Return the rank of each utterance in the order on disk, (utterances,) int64."""

    def read_ahead(self, utterances: Sequence[str]) -> None:
        """Ask the system to read features into its cache; best given in the order on disk."""

    def check(self, utterances: Sequence[str]) -> None:
        """Refuse stored features that cannot be used; their values are not read."""


@dataclass(frozen=True)
class FeatureInput:
    """Where the features of data directories come from.

    Args:
        dump: folder with the feats.scp of all of them; None = each directory's own feats.scp
        fbank: feature configuration, as for `load_fbank`, to compute features from audio instead,
            without a dump
        max_bad: fraction of the utterances of a data directory whose audio may be unusable
        listed_in: folder in which `bad_utterances` lists all that are unusable; None = not listed
    """

    dump: str | None = None
    fbank: str | None = None
    max_bad: float = 0.05
    listed_in: str | None = None
    _bad: dict[str, str] = field(default_factory=dict, init=False, repr=False, compare=False)

    def open(self, directory: str | Path) -> FeatureSource:
        """Return the features of a data directory; a common dump is opened only once.

        Raises:
            InputError: if there is no feats.scp, the feature configuration is wrong, or too much
                audio cannot be used.
        """
        if self.fbank is None:
            return DumpedFeatures(directory) if self._common is None else self._common
        computed = ComputedFeatures(directory, load_fbank(self.fbank))
        self._report(computed)
        return computed

    def _report(self, computed: ComputedFeatures) -> None:
        """List utterances whose audio cannot be used, and refuse too many."""
        folder, bad = computed.directory.path, computed.bad
        self._bad.update(bad)
        listed = Path(self.listed_in or folder) / "bad_utterances"
        if self.listed_in and place()[0] == 0:
            list_bad(listed, self._bad)
        check_bad(bad, len(computed.sources), self.max_bad, "max_bad", str(folder), listed)
        if bad:
            log.warning(
                "%s: left out %d of %d clips whose audio cannot be used (%s); '%s': %s",
                folder,
                len(bad),
                len(computed.sources),
                listed,
                min(bad),
                bad[min(bad)],
            )

    def mel_bins(self, directory: str | Path) -> int:
        """Return the mel bins of the features of a data directory, from settings or one clip.

        Raises:
            InputError: as `open`, or if there are no features.
        """
        settings = Path(self.fbank or Path(self.dump or directory) / "fbank.yaml")
        if self.fbank is not None or settings.exists():
            return load_fbank(settings).num_mel_bins
        source = self.open(directory)
        clips = DataDir(directory).some_utterances()
        known = next((utterance for utterance in clips if utterance in source), None)
        if known is None:
            raise InputError(
                f"{directory}: none of its {len(clips)} clips has features in"
                f" {self.dump or directory}; make the dump first (stage 2 of a recipe)"
            )
        return source.features(known).shape[1]

    @functools.cached_property
    def _common(self) -> DumpedFeatures | None:
        """The dump of all directories, opened when it is first needed and kept by this object."""
        return None if self.dump is None else DumpedFeatures(self.dump)


@contextmanager
def naming(utterance: str) -> Iterator[None]:
    """Name the utterance in any InputError about its features within the block."""
    try:
        yield
    except InputError as error:
        raise InputError(f"features of '{utterance}': {error}") from None
