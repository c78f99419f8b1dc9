"""Clips of a data directory as normalised features."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch.utils.data import Dataset

from asda.corpus.datadir import DataDir
from asda.dataset.augment import augment_normalised, disturb
from asda.dataset.config import AugmentConfig, DataConfig
from asda.dataset.sources import ComputedFeatures, DumpedFeatures, open_features
from asda.files import InputError

log = logging.getLogger(__name__)


@dataclass
class Normalization:
    """Mean and standard deviation of log-mel values; features become (x - mean) / (2 std)."""

    mean: float
    std: float

    def __call__(self, log_mel: np.ndarray) -> np.ndarray:
        return ((log_mel - self.mean) / (2 * self.std)).astype(np.float32)


@dataclass
class Clip:
    """One clip of a batch: features (frames, mel) float32, and what else the task wants of it."""

    utterance: str
    features: np.ndarray
    target: np.ndarray | None = None
    kept: np.ndarray | None = None


class Clips(Dataset):
    """The usable clips of a data directory; items are addressed by (epoch, index).

    Everything random about an item follows from `seed`, epoch and index alone.

    Args:
        directory: a Kaldi data directory
        features: where its features come from
        config: lengths, crop and padding
        augment: random changes (None = none, and crops at the start, as in scoring)
        labels: class order; items then carry a multi-hot target
        sample_kept: draws the visible patches of a clip of so many frames (pretraining)
    """

    def __init__(
        self,
        directory: str | Path,
        features: DumpedFeatures | ComputedFeatures,
        config: DataConfig,
        augment: AugmentConfig | None = None,
        labels: list[str] | None = None,
        sample_kept: Callable[[int, np.random.Generator], np.ndarray] | None = None,
        seed: int = 0,
    ):
        self.directory = DataDir(directory)
        self.features = features
        self.config = config
        self.augment = augment
        self.sample_kept = sample_kept
        self.seed = seed
        self.expected = len(self.directory.utterances)
        self.utterances = self._usable()
        self.normalization: Normalization | None = None
        self.targets = None if labels is None else self._targets(labels)

    def _usable(self) -> list[str]:
        known = [u for u in self.directory.utterances if u in self.features]
        usable = [u for u in known if self.features.num_frames(u) >= self.config.min_frames]
        if len(usable) < self.expected:
            log.warning(
                "%s: %d of %d clips are used (%d without features, %d shorter than %d frames)",
                self.directory.path,
                len(usable),
                self.expected,
                self.expected - len(known),
                len(known) - len(usable),
                self.config.min_frames,
            )
        if not usable:
            raise InputError(
                f"{self.directory.path}: none of its {self.expected} clips can be used "
                f"({len(known)} have features, of at least {self.config.min_frames} frames: 0)"
            )
        return usable

    def _targets(self, labels: list[str]) -> np.ndarray:
        index = {label: position for position, label in enumerate(labels)}
        targets = np.zeros((len(self.utterances), len(labels)), dtype=np.uint8)
        path = self.directory.path / "utt2label"
        table = self.directory.utt2label
        for row, utterance in enumerate(self.utterances):
            if utterance not in table:
                raise InputError(f"{path}: no label for {utterance}")
            for label in table[utterance]:
                if label not in index:
                    raise InputError(f"{path}: {utterance} has label {label}, unknown to the model")
                targets[row, index[label]] = 1
        return targets

    @property
    def lengths(self) -> np.ndarray:
        """Frames of each clip after cropping, (clips,) int64."""
        frames = [self.features.num_frames(u) for u in self.utterances]
        return np.minimum(np.array(frames, dtype=np.int64), self.config.max_frames)

    @property
    def weights(self) -> np.ndarray:
        """Sampling weight of each clip, from utt2weight, (clips,) float64."""
        table = self.directory.numbers("utt2weight")
        missing = [utterance for utterance in self.utterances if utterance not in table]
        if missing:
            path = self.directory.path / "utt2weight"
            raise InputError(f"{path}: no weight for {len(missing)} clips (first: {missing[0]})")
        return np.array([table[u] for u in self.utterances])

    def measure_normalization(self) -> Normalization:
        """Return the configured mean and deviation, or those of these clips."""
        if self.config.norm_mean is not None:
            return Normalization(self.config.norm_mean, self.config.norm_std)
        moments = self.features.moments(self.utterances)
        return Normalization(moments.mean, moments.std)

    def __len__(self) -> int:
        return len(self.utterances)

    def __getitem__(self, key: tuple[int, int]) -> Clip:
        epoch, index = key
        rng = np.random.default_rng((self.seed, epoch, index))
        features = self._features(self.utterances[index], rng)
        target = None if self.targets is None else self.targets[index].astype(np.float32)
        kept = None if self.sample_kept is None else self.sample_kept(len(features), rng)
        return Clip(self.utterances[index], features, target, kept)

    def _features(self, utterance: str, rng: np.random.Generator) -> np.ndarray:
        log_mel = self.features.read(utterance, self.augment, rng)
        if self.augment is not None:
            log_mel = disturb(log_mel, self.augment, rng)
        log_mel = self._cut(log_mel, rng)
        if self.config.padding == "fill" and len(log_mel) < self.config.max_frames:
            missing = self.config.max_frames - len(log_mel)
            log_mel = np.pad(log_mel, ((0, missing), (0, 0)))
        features = self.normalization(log_mel)
        return features if self.augment is None else augment_normalised(features, self.augment, rng)

    def _cut(self, log_mel: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        spare = len(log_mel) - self.config.max_frames
        if spare <= 0:
            return log_mel
        random = self.augment is not None and self.config.crop == "random"
        start = int(rng.integers(spare + 1)) if random else 0
        return log_mel[start : start + self.config.max_frames]


def open_clips(
    directory: str,
    dump: str | None,
    fbank: str | None,
    config: DataConfig,
    normalization: Normalization | None = None,
    mel_bins: int | None = None,
    **options,
) -> Clips:
    """Return the clips of a data directory, normalised by their own moments unless given others.

    `dump` and `fbank` say where features come from (`open_features`); `options` are those of
    `Clips`.

    Raises:
        InputError: also if the features have other than `mel_bins` mel bins.
    """
    clips = Clips(directory, open_features(directory, dump, fbank), config, **options)
    first = clips.features.read(clips.utterances[0], None, np.random.default_rng(0))
    if mel_bins not in (None, first.shape[1]):
        raise InputError(
            f"{dump or directory}: features of {first.shape[1]} mel bins, but the model takes"
            f" {mel_bins} (model.mel_bins)"
        )
    clips.normalization = normalization or clips.measure_normalization()
    return clips
