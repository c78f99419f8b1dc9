"""Settings of batches and of augmentation (typed configuration, no torch import)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from asda.configuration import check_fraction
from asda.unread_settings import not_with, only_with

SLOWEST = 0.5  # smallest factor of speed


@dataclass
class DataConfig:
    """Cropping, padding, batching and sampling of clips.

    Args:
        max_frames: longest input of the model in frames (10 ms each by default); see `crop` and
            `long_clips` for longer clips
        min_frames: clips with fewer frames are skipped, and their number is logged
        crop: where longer clips are cropped in training: at random, or at the start
        long_clips: how longer clips are scored, in validation as in `asda score`: by "windows" of
            max_frames over the whole clip, whose class probabilities are averaged, or by their
            "start" alone, as the reference does
        padding: "mask" pads a batch to its longest clip and hides the padding from the model;
            "fill" pads every clip to max_frames with zeros in the log-mel domain, before
            normalisation, and lets the model treat them as sound, as the reference does
        batch_size: clips per process and micro-batch
        batch_frames: largest number of frames of a micro-batch of one process with its padding, in
            training; clips of similar length fill batches up to it, so that a batch holds few long
            or many short clips, whatever batch_size and group_by_length are (null = batches of
            batch_size clips)
        group_by_length: put clips of similar length into a batch (clips are sorted within windows
            of the shuffled list), which reduces padding
        sampling: "uniform" visits every clip once per epoch; "weighted" draws clips with the
            weights in utt2weight: without replacement while fewer are drawn than have a weight
            above 0 (as the two numbers approach each other, weights matter less), else with
            replacement; "balanced" draws in the same way with weights made from utt2label: that of
            a clip is the sum over its labels of 1000 / (clips of the class + 0.01), where clips
            without a label are a class of their own
        draws_per_epoch: clips per epoch, drawn anew for each epoch (null = the number of clips,
            which "uniform" never exceeds)
        shuffle_buffer_size: number of clips that are shuffled together, for disks on which random
            reads are slow: blocks of clips come in random order, and the clips of as many blocks
            as fill the buffer are shuffled and read ahead into the system's cache, which must have
            room for two buffers (0 = shuffle all clips)
        shuffle_block: clips per block; they are neighbours in the dump
        workers: number of loader processes (0 = the training process loads its own batches)
        max_bad: largest fraction of unusable clips of a data directory when features are computed
            from audio; they are left out and listed in `bad_utterances` of the experiment folder
            (a single one is always tolerated, unless this is 0)
        norm: "corpus" normalises log-mel values by one mean and standard deviation; "clip"
            each clip from its smallest to its largest value, of its loudest 80 dB, as BAT does
            (docs/algorithm.md#normalisation-by-clip); null = as the model of `init` was trained,
            and "corpus" without one
        norm_mean: mean of the log-mel values (null = that of the training list)
        norm_std: standard deviation of the log-mel values (null = that of the training list)
    """

    max_frames: int = 1024
    min_frames: int = 16
    crop: Literal["random", "start"] = "random"
    long_clips: Literal["windows", "start"] = "windows"
    padding: Literal["mask", "fill"] = "mask"
    batch_size: int = 32
    batch_frames: int | None = None
    group_by_length: bool = only_with(True, batch_frames=None)
    sampling: Literal["uniform", "weighted", "balanced"] = "uniform"
    draws_per_epoch: int | None = None
    shuffle_buffer_size: int = 0
    shuffle_block: int = not_with(64, shuffle_buffer_size=0)
    workers: int = 1
    max_bad: float = not_with(0.05, fbank=None, corpora={})
    norm: Literal["corpus", "clip"] | None = None
    norm_mean: float | None = None
    norm_std: float | None = None

    def __post_init__(self) -> None:
        for name in ("max_frames", "min_frames", "batch_size", "draws_per_epoch", "shuffle_block"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"data.{name} must be at least 1, not {value}")
        check_fraction("data.max_bad", self.max_bad)
        if self.workers < 0:
            raise ValueError(f"data.workers must not be negative, not {self.workers}")
        if self.shuffle_buffer_size and self.shuffle_buffer_size < 2 * self.shuffle_block:
            raise ValueError(
                f"data.shuffle_buffer_size must be 0 or hold two blocks of data.shuffle_block "
                f"{self.shuffle_block}, not {self.shuffle_buffer_size}"
            )
        if self.min_frames > self.max_frames:
            raise ValueError(
                f"data.min_frames {self.min_frames} exceeds data.max_frames {self.max_frames}"
            )
        if self.batch_frames is not None:
            self._check_batch_frames(self.batch_frames)
        if (self.norm_mean is None) != (self.norm_std is None):
            raise ValueError("set both data.norm_mean and data.norm_std, or neither")
        if self.norm_mean is not None and self.norm == "clip":
            raise ValueError("data.norm_mean and data.norm_std are for data.norm corpus")
        if self.norm_std is not None and self.norm_std <= 0:
            raise ValueError(f"data.norm_std must be above 0, not {self.norm_std}")

    @property
    def batch_measure(self) -> int:
        """Size of a full micro-batch of one process: frames if these are limited, else clips."""
        return self.batch_frames or self.batch_size

    def _check_batch_frames(self, frames: int) -> None:
        if frames < self.max_frames:
            raise ValueError(
                f"data.batch_frames {frames} has no room for a clip of data.max_frames"
                f" {self.max_frames}"
            )
        if self.padding == "fill" or self.shuffle_buffer_size:
            raise ValueError(
                "data.batch_frames needs data.padding mask and data.shuffle_buffer_size 0"
            )


@dataclass
class AugmentConfig:
    """Augmentation of training clips; all of it is off by default.

    Args:
        roll: rotate the clip by a random time
        gain: scale the waveform by Beta(10, 10) + 0.5; dumped features get twice the logarithm
            added instead, which is equivalent except at the energy floor
        noise: add uniform noise of random strength up to 0.1 to the normalised features and
            roll by up to 10 frames, as the reference does for Speech Commands
        speed: speed perturbation: factors such as [0.9, 1.0, 1.1], one of which is drawn for each
            clip: 1.1 plays it 1.1 times as fast and as high. Audio is resampled; dumped features
            are changed to what they then nearly would be. No clip is slowed down beyond max_frames
        stretch: tempo perturbation: largest relative change of the duration (0.2 = 0.8 to 1.2
            times as long)
        pitch: vocal tract length perturbation: largest relative change of the mel axis (0.1 =
            spectra stretched by 0.9 to 1.1)
        tilt: largest slope of a random spectral tilt: the change at either end of the mel axis in
            normalised units
        level: random gain: largest change of the level in dB, up or down
        edges: random padding and trimming: largest number of frames, like the quietest of the
            clip, that are added at either end; up to half as many, and at most a sixth of the
            clip, are trimmed
        background: fraction of the clips that get stationary noise of random level and tilt
        mixup_alpha: parameter of mixup's Beta distribution (0 = no mixup)
        mixup_probability: fraction of the batches that are mixed
        mixup_per_clip: draw lambda of mixup for each clip instead of once per batch
        time_mask: longest SpecAugment time mask as a fraction of the clip
        freq_mask: widest SpecAugment frequency mask as a fraction of the mel bins
        time_masks: number of time masks per clip
        freq_masks: number of frequency masks per clip
    """

    roll: bool = False
    gain: bool = False
    noise: bool = False
    speed: tuple[float, ...] = ()
    stretch: float = 0.0
    pitch: float = 0.0
    tilt: float = 0.0
    level: float = 0.0
    edges: int = 0
    background: float = 0.0
    mixup_alpha: float = 0.0
    mixup_probability: float = not_with(0.9, mixup_alpha=0)
    mixup_per_clip: bool = not_with(False, mixup_alpha=0)
    time_mask: float = 0.0
    freq_mask: float = 0.0
    time_masks: int = not_with(1, time_mask=0)
    freq_masks: int = not_with(1, freq_mask=0)

    @property
    def perturbs(self) -> bool:
        """Whether anything besides roll and gain changes log-mel features before cropping."""
        return any((self.stretch, self.pitch, self.level, self.edges, self.background))

    def __post_init__(self) -> None:
        for name in (
            "stretch",
            "pitch",
            "background",
            "mixup_probability",
            "time_mask",
            "freq_mask",
        ):
            check_fraction(f"augment.{name}", getattr(self, name))
        for name in ("mixup_alpha", "tilt", "level", "edges"):
            if getattr(self, name) < 0:
                raise ValueError(f"augment.{name} must not be negative, not {getattr(self, name)}")
        for name in ("time_masks", "freq_masks"):
            if getattr(self, name) < 1:
                raise ValueError(
                    f"augment.{name} must be at least 1, not {getattr(self, name)}; augment."
                    f"{name[:-1]} 0 turns masks off"
                )
        for factor in self.speed:
            if not SLOWEST <= factor <= 1 / SLOWEST:
                raise ValueError(
                    f"augment.speed: factors must lie in {SLOWEST}..{1 / SLOWEST:g}, not {factor}"
                )

    def most_frames(self, frames: np.ndarray) -> np.ndarray:
        """Return the largest number of frames that clips may get.

        Args:
            frames: their frames, (clips,) int64
        """
        if self.speed:  # the last frame may be whole only after resampling
            frames = np.ceil(frames / min(*self.speed, 1.0)).astype(np.int64) + 1
        return np.ceil(frames * (1 + self.stretch)).astype(np.int64) + 2 * self.edges
