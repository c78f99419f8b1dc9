"""Clips of a data directory as normalised features."""

from __future__ import annotations

import functools
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from torch.utils.data import Dataset

from asda.configuration import build
from asda.corpus.datadir import DataDir
from asda.corpus.edit.sampling_weights import class_balanced_weights
from asda.corpus.packed_columns import packed_numbers, packed_utterances
from asda.corpus.packed_names import PackedNames
from asda.corpus.packed_table import read_packed
from asda.dataset.augment import augment_log_mel, augment_normalised, augment_waveform, perturb
from asda.dataset.data_config import AugmentConfig, DataConfig
from asda.dataset.feature_sources import (
    FeatureInput,
    FeatureSource,
    FromAudio,
    OnDisk,
    naming,
)
from asda.dataset.speed import at_speed, draw_speed, log_mel_at_speed
from asda.dataset.targets import CheckedTarget, SelectiveTarget, Target
from asda.features.fbank_config import FbankConfig
from asda.features.frame_counts import NO_FEATURES
from asda.features.matrix import Matrix, Values, read
from asda.features.normalization import (
    AnyNormalization,
    Normalization,
    measured_normalization,
)
from asda.features.view import FeatureView, normalised_view
from asda.files import InputError

log = logging.getLogger(__name__)
MOST_UNFIT = 0.5  # of the clips; above it, a fault of the model leaves too little to use


@dataclass
class Clip:
    """One clip of a batch.

    Args:
        utterance: its ID
        features: normalised features (frames, mel), which may still have to be read
        extras: what else the task needs of the clip, by the names of the targets
    """

    utterance: str
    features: FeatureView
    extras: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, int]:
        """(frames, mel) of the features."""
        return self.features.shape


class Clips(Dataset):
    """The usable clips of a data directory; items are addressed by (epoch, index).

    Everything random about an item depends on `seed`, epoch and index alone.

    Args:
        directory: a Kaldi data directory
        features: source of its log-mel features
        config: lengths, crop and padding
        augment: random changes (None = none, and crops at the start, as in scoring)
        targets: what clips carry in addition to features; made in this order
        seed: seed of crops, augmentation and targets

    Raises:
        InputError: if no clip can be used, or only a minority for a fault of the model, or a target
            is missing for a clip.
    """

    def __init__(
        self,
        directory: str | Path,
        features: FeatureSource,
        config: DataConfig,
        augment: AugmentConfig | None = None,
        targets: Sequence[Target] = (),
        seed: int = 0,
    ):
        self.directory = DataDir(directory)
        self.features = features
        # Checked once, since isinstance() on a protocol is slow.
        self.audio = features if isinstance(features, FromAudio) else None
        self.config = config
        self.augment = augment
        self.targets = targets
        self.selective = [target for target in targets if isinstance(target, SelectiveTarget)]
        self.seed = seed
        self.utterances = self._usable()
        if isinstance(features, OnDisk):
            features.check(self.utterances)
        # This one changes nothing, until the caller sets another.
        self.normalization: AnyNormalization = Normalization(0.0, 0.5)
        for target in targets:
            if isinstance(target, CheckedTarget):
                target.check(self.utterances)

    def _usable(self) -> PackedNames:
        every = packed_utterances(self.directory)
        self.expected = len(every)
        left_out = self._left_out(every)
        usable = np.ones(len(every), bool)
        for rows in left_out.values():
            usable[rows] = False
        named = 0 if self.audio is None else len(self.audio.bad)  # with reasons, when opened
        counted = {fault: _counted(fault, every, rows) for fault, rows in left_out.items()}
        used = int(usable.sum())
        self._refuse(used, left_out, "; ".join(counted.values()))
        if used < self.expected - named:
            log.warning(
                "%s: %d of %d clips are used (%s)",
                self.directory.path,
                used,
                self.expected,
                "; ".join(counted[fault] for fault in sorted(counted)),
            )
        return every if used == self.expected else every.chosen(usable)

    def _refuse(self, used: int, left_out: dict[str, np.ndarray], why: str) -> None:
        """Refuse to use none of the clips, or a minority for a fault of the model."""
        remedies = {fault: remedy for fault in left_out if (remedy := self._remedy(fault))}
        many = [fault for fault in remedies if len(left_out[fault]) > MOST_UNFIT * self.expected]
        if used and not many:
            return
        kept = f"only {used}" if used else "none"
        raise InputError(
            f"{self.directory.path}: {kept} of its {self.expected} clips can be used ("
            + "; ".join([f"{why})", *remedies.values()])
        )

    def _remedy(self, fault: str) -> str | None:
        settings = self.features.fbank_config()
        where = f"settings of the features of {self.directory.path}"
        shift = build(FbankConfig, settings, where).frame_seconds
        return next(filter(None, (t.remedy(fault, shift) for t in self.selective)), None)

    def _left_out(self, every: PackedNames) -> dict[str, np.ndarray]:
        """Return why clips cannot be used -> their rows; what is wrong with the first comes first.

        Args:
            every: the utterances of the data directory
        """
        counts = self.features.frame_counts(every)
        absent = counts == NO_FEATURES
        short = ~absent & (counts < self.config.min_frames)
        faults = {
            "without features": np.flatnonzero(absent),
            f"shorter than {self.config.min_frames} frames": np.flatnonzero(short),
        }
        faults |= self._unfit(every, counts, np.flatnonzero(~absent & ~short))
        found = [(fault, rows) for fault, rows in faults.items() if len(rows)]
        return dict(sorted(found, key=lambda pair: int(pair[1][0])))

    def _unfit(
        self, every: PackedNames, counts: np.ndarray, rows: np.ndarray
    ) -> dict[str, np.ndarray]:
        """Return why targets cannot use clips -> their rows, of `rows`."""
        unfit: dict[str, list[int]] = {}
        for row in rows.tolist() if self.selective else ():
            faults = (target.unusable(every[row], int(counts[row])) for target in self.selective)
            if fault := next(filter(None, faults), None):
                unfit.setdefault(fault, []).append(row)
        return {fault: np.array(found) for fault, found in unfit.items()}

    @functools.cached_property
    def _fbank_config(self) -> FbankConfig:
        """Settings of the features; those that are not recorded are taken to be the default."""
        known = {"num_mel_bins": self.mel_bins} | self.features.fbank_config()
        return build(FbankConfig, known, f"settings of the features of {self.directory.path}")

    @functools.cached_property
    def mel_bins(self) -> int:
        """Mel bins of the features."""
        return self.features.features(self.utterances[0]).shape[1]

    @functools.cached_property
    def frames(self) -> np.ndarray:
        """Frames of each clip, (clips,) int64."""
        return self.features.frame_counts(self.utterances)

    @property
    def lengths(self) -> np.ndarray:
        """Frames of each clip after cropping, (clips,) int64."""
        return np.minimum(self.frames, self.config.max_frames)

    @property
    def longest(self) -> np.ndarray:
        """Most frames that each clip can have after random changes and cropping, (clips,) int64."""
        frames = self.frames if self.augment is None else most_frames(self.frames, self.augment)
        return np.minimum(frames, self.config.max_frames)

    @property
    def longer(self) -> np.ndarray:
        """Whether each clip is longer than what is used of it at once, (clips,) bool."""
        longer: np.ndarray = self.frames > self.config.max_frames
        return longer

    @property
    def weights(self) -> np.ndarray:
        """Sampling weight of each clip, from utt2weight or the labels, (clips,) float64.

        Raises:
            InputError: if a clip has no weight or no line in utt2label, or all weights are 0.
        """
        if self.config.sampling == "balanced":
            return self._balanced_weights()
        path = self.directory.path / "utt2weight"
        if not path.exists():
            raise InputError(
                f"{path}: no such file; data.sampling weighted needs a line 'utterance weight' for"
                " each clip, data.sampling balanced takes the weights from utt2label"
            )
        table = read_packed(path)
        numbers = packed_numbers(self.directory, path.name, table, np.arange(len(table)))
        rows = table.rows(self.utterances)
        missing = np.flatnonzero(rows < 0)
        if len(missing):
            first = self.utterances[missing[0]]
            raise InputError(f"{path}: no weight for {len(missing)} clips (first: {first})")
        weights = numbers[rows]
        if not (weights.min() >= 0 and weights.max() > 0):
            raise InputError(f"{path}: weights must be 0 or more, and some above 0")
        return weights

    def _balanced_weights(self) -> np.ndarray:
        path, table = self.directory.path / "utt2label", self.directory.table("utt2label")
        missing = [utterance for utterance in self.utterances if utterance not in table]
        if missing:
            raise InputError(
                f"{path}: no line for {len(missing)} clips (first: {missing[0]});"
                " data.sampling balanced needs one for each clip"
            )
        weights = class_balanced_weights({u: table[u] for u in self.utterances})
        return np.array([float(weights[utterance]) for utterance in self.utterances])

    def measure_normalization(self) -> Normalization:
        """Return the configured mean and standard deviation, or those of these clips.

        Raises:
            InputError: as `measured_normalization`.
        """
        if self.config.norm_mean is not None and self.config.norm_std is not None:
            return Normalization(self.config.norm_mean, self.config.norm_std)
        return measured_normalization(self.features.moments(self.utterances), self.directory.path)

    def __len__(self) -> int:
        return len(self.utterances)

    def __getitem__(self, key: tuple[int, int]) -> Clip:
        epoch, index = key
        rng = np.random.default_rng((self.seed, epoch, index))
        utterance = self.utterances[index]
        with naming(utterance):
            clip = Clip(utterance, self._features(utterance, rng))
        for target in self.targets:
            clip.extras[target.name] = target.of(utterance, clip.shape[0], rng)
        return clip

    def _features(self, utterance: str, rng: np.random.Generator) -> FeatureView:
        """Return features that are read later, unless a random change needs their values now."""
        augment, config = self.augment, self.config
        if augment is None:
            log_mel = self.features.features(utterance)
        else:
            log_mel = perturb(self._augmented(utterance, augment, rng), augment, rng)
        frames = log_mel.shape[0]
        spare = max(0, frames - config.max_frames)
        random = spare and augment is not None and config.crop == "random"
        start = int(rng.integers(spare + 1)) if random else 0
        rows = config.max_frames if config.padding == "fill" else frames - spare
        view = normalised_view(log_mel, start, rows, self.normalization)
        if augment is not None and (augment.tilt or augment.noise):
            changed = augment_normalised(view.read(), augment, rng)
            return FeatureView(Values(changed), 0, len(changed))
        return view

    def _augmented(
        self, utterance: str, augment: AugmentConfig, rng: np.random.Generator
    ) -> Matrix:
        """Return log-mel features with speed, roll and gain, from the waveform if available."""
        frames, config = self.features.num_frames(utterance), self.config
        speed = draw_speed(augment.speed, frames, config.min_frames, config.max_frames, rng)
        if self.audio is not None:
            return self.audio.transformed_features(
                utterance,
                lambda waveform: augment_waveform(at_speed(waveform, speed), augment, rng),
            )
        log_mel = self.features.features(utterance)
        if speed != 1:
            log_mel = Values(log_mel_at_speed(read(log_mel), speed, self._fbank_config))
        return augment_log_mel(log_mel, augment, rng)


def open_clips(
    directory: str | Path,
    features: FeatureInput,
    config: DataConfig,
    normalization: AnyNormalization | None = None,
    mel_bins: int | None = None,
    augment: AugmentConfig | None = None,
    targets: Sequence[Target] = (),
    seed: int = 0,
) -> Clips:
    """Return the clips of a data directory, normalised by their own moments unless told otherwise.

    Args:
        directory: a Kaldi data directory
        features: where its features come from
        config, augment, targets, seed: as for `Clips`
        normalization: None = by the configured mean and standard deviation, or those of the clips
        mel_bins: the number that the model takes; None = any

    Raises:
        InputError: as `FeatureInput.open` and `Clips`, or if the number of mel bins differs.
    """
    clips = Clips(directory, features.open(directory), config, augment, targets, seed)
    if mel_bins not in (None, clips.mel_bins):
        raise InputError(
            f"{features.dump or directory}: features of {clips.mel_bins} mel bins, but the model"
            f" takes {mel_bins} (model.mel_bins)"
        )
    clips.normalization = normalization or clips.measure_normalization()
    return clips


def _counted(fault: str, every: Sequence[str], rows: np.ndarray) -> str:
    """Return how many clips have a fault, and which is the first of them."""
    return f"{len(rows)} {fault}, first: {every[rows[0]]}"


def most_frames(frames: np.ndarray, augment: AugmentConfig) -> np.ndarray:
    """Return the largest number of frames that clips may get by random changes.

    Args:
        frames: their frames, (clips,) int64
        augment: the changes
    """
    if augment.speed:  # the last frame may be whole only after resampling
        frames = np.ceil(frames / min(*augment.speed, 1.0)).astype(np.int64) + 1
    return np.ceil(frames * (1 + augment.stretch)).astype(np.int64) + 2 * augment.edges
