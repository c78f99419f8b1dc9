"""Log-mel features that are computed from audio each time they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from asda.audio.audio_error import AudioError
from asda.configuration import to_dict
from asda.corpus.datadir import DataDir
from asda.dataset.usable_audio import usable_audio
from asda.features.extract import WaveformTransform, extract_log_mel
from asda.features.fbank import Fbank
from asda.features.fbank_config import FbankConfig
from asda.features.frame_counts import NO_FEATURES
from asda.features.matrix import Matrix, Values
from asda.features.moments import Moments
from asda.files import InputError


class ComputedFeatures:
    """Features of a data directory, computed from its audio each time they are asked for.

    Args:
        folder: data directory with wav.scp, whose audio is checked (`usable_audio`)
        config: settings of the features

    Attributes:
        bad: utterance -> reason why its audio cannot be used
    """

    def __init__(self, folder: str | Path, config: FbankConfig):
        self.config = config
        self.fbank = Fbank(config)
        self.directory = DataDir(folder)
        self.sources = self.directory.utterance_audio()
        self.measured, self.bad = usable_audio(self.directory.path, self.sources, self.fbank)

    def __contains__(self, utterance: str) -> bool:
        return utterance in self.measured

    def num_frames(self, utterance: str) -> int:
        return self.measured[utterance].count // self.config.num_mel_bins

    def frame_counts(self, utterances: Sequence[str]) -> np.ndarray:
        counts = (self.num_frames(u) if u in self else NO_FEATURES for u in utterances)
        return np.fromiter(counts, np.int64, len(utterances))

    def features(self, utterance: str) -> Matrix:
        """Return log-mel features (frames, mel).

        Raises:
            InputError: naming the audio and how to leave it out, if it cannot be used.
        """
        return Values(self._extract(utterance, None))

    def transformed_features(self, utterance: str, transform: WaveformTransform) -> Matrix:
        """As `features`, of the transformed waveform."""
        return Values(self._extract(utterance, transform))

    def _extract(self, utterance: str, transform: WaveformTransform | None) -> np.ndarray:
        source, start, end = self.sources[utterance]
        try:
            return extract_log_mel(source, self.fbank, start, end, transform)
        except AudioError as error:
            table = "segments" if self.directory.has("segments") else "wav.scp"
            raise InputError(
                f"'{source}': {error}; to leave it out, delete the line of '{utterance}' in "
                f"{self.directory.path / table} and run utils/fix_data_dir.sh {self.directory.path}"
            ) from None

    def moments(self, utterances: Sequence[str]) -> Moments:
        """Return the moments of these utterances."""
        return sum((self.measured[u] for u in utterances), Moments(0, 0.0, 0.0))

    def fbank_config(self) -> dict[str, Any]:
        return to_dict(self.config)
