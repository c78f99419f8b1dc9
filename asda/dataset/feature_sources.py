"""Where log-mel features come from: a dump, or audio computed on the fly."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from asda.configuration import load, to_dict
from asda.corpus.audio import AudioError, read_audio
from asda.corpus.datadir import DataDir
from asda.dataset.augment import augment_log_mel, augment_waveform
from asda.dataset.data_config import AugmentConfig
from asda.features.archive import ArchiveReader, place_of
from asda.features.fbank import Fbank
from asda.features.fbank_config import FbankConfig
from asda.features.matrix import StoredMatrix, Values, read
from asda.features.moments import Moments, read_moments
from asda.files import InputError


class DumpedFeatures:
    """Log-mel features of utterances, from the feats.scp of a dump or of a data directory."""

    def __init__(self, folder: str | Path):
        self.directory = DataDir(folder)
        for name in ("feats.scp", "utt2num_frames"):
            if not self.directory.has(name):
                raise InputError(f"{folder}: no {name}; make the dump first (stage 2 of a recipe)")
        self.table = self.directory.table("feats.scp")
        self.frames = self.directory.numbers("utt2num_frames")
        self.reader = ArchiveReader()
        self.fbank_config()  # what is wrong with it is said now, not when a model is written

    def __contains__(self, utterance: str) -> bool:
        return utterance in self.table

    def num_frames(self, utterance: str) -> int:
        path = self.directory.path / "utt2num_frames"
        return int(_entry(path, self.frames, utterance))

    def moments(self, utterances: list[str]) -> Moments:
        path = self.directory.path / "utt2moments"
        table = read_moments(path)
        found = (_entry(path, table, utterance) for utterance in utterances)
        return sum(found, Moments(0, 0.0, 0.0))

    def fbank_config(self) -> dict[str, Any]:
        """Return the configuration that the features were made with; {} if none is recorded."""
        path = self.directory.path / "fbank.yaml"
        return to_dict(load(FbankConfig, path)) if path.exists() else {}

    def places(self, utterances: Sequence[str]) -> np.ndarray:
        """Return the place of each utterance among all in the order of the archives' bytes."""
        places = [place_of(self.table[utterance]) for utterance in utterances]
        paths = {path: number for number, path in enumerate(sorted({str(p) for p, _ in places}))}
        offsets = [offset for _, offset in places]
        order = np.lexsort((offsets, [paths[str(path)] for path, _ in places]))
        ranks = np.empty(len(places), np.int64)
        ranks[order] = np.arange(len(places))
        return ranks

    def read_ahead(self, utterances: Sequence[str]) -> None:
        """Tell the system to read these into its cache; best in the order of `places`."""
        self.reader.read_ahead(
            [self.table[utterance] for utterance in utterances],
            [self.num_frames(utterance) for utterance in utterances],
        )

    def find(
        self, utterance: str, augment: AugmentConfig | None, rng: np.random.Generator
    ) -> StoredMatrix | Values:
        """Return log-mel features (frames, mel), rolled and scaled as `augment` says."""
        matrix = self.reader.find(self.table[utterance])
        if augment is None or not (augment.roll or augment.gain):
            return matrix
        return Values(augment_log_mel(read(matrix), augment, rng))

    def read(
        self, utterance: str, augment: AugmentConfig | None, rng: np.random.Generator
    ) -> np.ndarray:
        """Return the values of `find`, float32."""
        return read(self.find(utterance, augment, rng))


class ComputedFeatures:
    """Log-mel features of utterances, computed from the audio of a data directory when read."""

    def __init__(self, folder: str | Path, config: FbankConfig):
        self.config = config
        self.fbank = Fbank(config)
        self.directory = DataDir(folder)
        self.sources = self.directory.audio_sources()
        self.durations = self.directory.durations()

    def __contains__(self, utterance: str) -> bool:
        return utterance in self.sources

    def num_frames(self, utterance: str) -> int:
        seconds = _entry(self.directory.path / "utt2dur", self.durations, utterance)
        return self.config.num_frames(round(seconds * self.config.sample_rate))

    def moments(self, utterances: list[str]) -> Moments:
        rng = np.random.default_rng(0)
        read = (Moments.of(self.read(utterance, None, rng)) for utterance in utterances)
        return sum(read, Moments(0, 0.0, 0.0))

    def fbank_config(self) -> dict[str, Any]:
        return to_dict(self.config)

    def find(
        self, utterance: str, augment: AugmentConfig | None, rng: np.random.Generator
    ) -> Values:
        """Return log-mel features (frames, mel) of the waveform that `augment` changed."""
        return Values(self.read(utterance, augment, rng))

    def read(
        self, utterance: str, augment: AugmentConfig | None, rng: np.random.Generator
    ) -> np.ndarray:
        """Return the values of `find`, float32."""
        source, start, end = self.sources[utterance]
        try:
            waveform = read_audio(
                source,
                self.config.sample_rate,
                start=start,
                end=end,
                resampler=self.config.resampler,
            )
        except AudioError as error:
            table = "segments" if self.directory.has("segments") else "wav.scp"
            raise InputError(
                f"'{source}', audio of '{utterance}': {error}; to leave it out, delete its line in "
                f"{self.directory.path / table} and run utils/fix_data_dir.sh {self.directory.path}"
            ) from None
        if augment is not None:
            waveform = augment_waveform(waveform, augment, rng)
        return self.fbank(torch.from_numpy(waveform)).numpy()


def _entry(path: Path, table: dict[str, Any], utterance: str) -> Any:
    if utterance not in table:
        raise InputError(f"{path}: no line for utterance '{utterance}'")
    return table[utterance]


def open_features(
    directory: str | Path, dump: str | Path | None, fbank: str | Path | None
) -> DumpedFeatures | ComputedFeatures:
    """Open the features of a data directory.

    Args:
        directory: a Kaldi data directory
        dump: a folder with feats.scp that holds its utterances (None = the directory's own)
        fbank: a feature configuration (YAML): compute from audio instead of reading a dump
    """
    if fbank is not None:
        return ComputedFeatures(directory, load(FbankConfig, fbank))
    return _open_dump(str(dump or directory))


@functools.lru_cache(maxsize=2)
def _open_dump(folder: str) -> DumpedFeatures:
    return DumpedFeatures(folder)
