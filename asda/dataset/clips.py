"""Clips of a data directory as normalised features."""

from __future__ import annotations

import functools
import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch.utils.data import Dataset

from asda.corpus.datadir import DataDir
from asda.dataset.augment import augment_normalised, disturb
from asda.dataset.data_config import AugmentConfig, DataConfig
from asda.dataset.feature_sources import ComputedFeatures, DumpedFeatures, open_features
from asda.features.matrix import StoredMatrix, Values, read
from asda.files import InputError

log = logging.getLogger(__name__)
SILENT_STD = 1e-4  # sums of equal values leave some 1e-7


@dataclass
class Normalization:
    """Mean and standard deviation of log-mel values; features become (x - mean) / (2 std)."""

    mean: float
    std: float

    @property
    def scale(self) -> float:
        """What log-mel values are multiplied by."""
        return 1 / (2 * self.std)

    @property
    def offset(self) -> float:
        """What is added then."""
        return -self.mean / (2 * self.std)

    def __call__(self, log_mel: np.ndarray) -> np.ndarray:
        return read(Values(log_mel), scale=self.scale, offset=self.offset)


@dataclass
class Clip:
    """One clip of a batch, and what else the task wants of it.

    Args:
        shape: (frames, mel) of its features
        write: writes them to a contiguous float32 array of that shape
    """

    utterance: str
    shape: tuple[int, int]
    write: Callable[[np.ndarray], None]
    target: np.ndarray | None = None
    kept: np.ndarray | None = None

    @property
    def features(self) -> np.ndarray:
        """Features (frames, mel) float32."""
        features = np.empty(self.shape, np.float32)
        self.write(features)
        return features


class Clips(Dataset):
    """The usable clips of a data directory; items are addressed by (epoch, index).

    Everything random about an item follows from `seed`, epoch and index alone.

    Args:
        directory: a Kaldi data directory
        features: where its features come from
        config: lengths, crop and padding
        augment: random changes (None = none, and crops at the start, as in scoring)
        labels: class order; items then carry a multi-hot target
        sample_visible: draws the visible patches of a clip of so many frames (pretraining)
    """

    def __init__(
        self,
        directory: str | Path,
        features: DumpedFeatures | ComputedFeatures,
        config: DataConfig,
        augment: AugmentConfig | None = None,
        labels: list[str] | None = None,
        sample_visible: Callable[[int, np.random.Generator], np.ndarray] | None = None,
        seed: int = 0,
    ):
        self.directory = DataDir(directory)
        self.features = features
        self.config = config
        self.augment = augment
        self.sample_visible = sample_visible
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

    @functools.cached_property
    def mel_bins(self) -> int:
        """Mel bins of the features."""
        rng = np.random.default_rng(0)
        return self.features.find(self.utterances[0], None, rng).shape[1]

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
        weights = np.array([table[u] for u in self.utterances])
        if not (weights.min() >= 0 and weights.max() > 0):
            raise InputError(
                f"{self.directory.path / 'utt2weight'}: weights must be 0 or more, and some above 0"
            )
        return weights

    def measure_normalization(self) -> Normalization:
        """Return the configured mean and deviation, or those of these clips."""
        if self.config.norm_mean is not None:
            return Normalization(self.config.norm_mean, self.config.norm_std)
        moments = self.features.moments(self.utterances)
        if not SILENT_STD < moments.std < math.inf:
            raise InputError(
                f"{self.directory.path}: all its log-mel values have a standard deviation of"
                f" {moments.std:g}; is there sound in it?"
            )
        return Normalization(moments.mean, moments.std)

    def __len__(self) -> int:
        return len(self.utterances)

    def __getitem__(self, key: tuple[int, int]) -> Clip:
        epoch, index = key
        rng = np.random.default_rng((self.seed, epoch, index))
        clip = self._clip(self.utterances[index], rng)
        if self.targets is not None:
            clip.target = self.targets[index].astype(np.float32)
        if self.sample_visible is not None:
            clip.kept = self.sample_visible(clip.shape[0], rng)
        return clip

    def _clip(self, utterance: str, rng: np.random.Generator) -> Clip:
        """Return a clip whose values are still to be read, unless a random change needs them."""
        augment, config = self.augment, self.config
        log_mel = self.features.find(utterance, augment, rng)
        if augment is not None and augment.disturbs:
            log_mel = Values(disturb(read(log_mel), augment, rng))
        elif augment is not None:
            rng.random()  # as `disturb` does when it changes nothing: later draws are the same
        frames, mel = log_mel.shape
        spare = max(0, frames - config.max_frames)
        random = spare and augment is not None and config.crop == "random"
        start = int(rng.integers(spare + 1)) if random else 0
        rows = config.max_frames if config.padding == "fill" else frames - spare
        write = functools.partial(self._write, log_mel, start)
        clip = Clip(utterance, (rows, mel), write)
        if augment is not None and (augment.tilt or augment.noise):
            clip.write = Values(augment_normalised(clip.features, augment, rng)).write
        return clip

    def _write(self, log_mel: StoredMatrix | Values, start: int, out: np.ndarray) -> None:
        """Write normalised features from a row on, and zeros of the log-mel domain behind them."""
        frames = min(len(out), log_mel.shape[0] - start)
        log_mel.write(out[:frames], start, self.normalization.scale, self.normalization.offset)
        out[frames:] = self.normalization.offset


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
    if mel_bins not in (None, clips.mel_bins):
        raise InputError(
            f"{dump or directory}: features of {clips.mel_bins} mel bins, but the model takes"
            f" {mel_bins} (model.mel_bins)"
        )
    clips.normalization = normalization or clips.measure_normalization()
    return clips
