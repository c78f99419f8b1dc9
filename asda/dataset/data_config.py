"""Settings of batches and of augmentation (typed configuration, no torch import)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from asda.configuration import check_fraction
from asda.unread_settings import not_with, only_with

SLOWEST = 0.5  # smallest factor of speed


@dataclass
class DataConfig:
    """Cropping, padding, batching and sampling of clips.

    Args:
        max_frames: longest input of the model in frames (of 10 ms each by default); what happens to
            longer clips is set by `crop` and `long_clips`
        min_frames: clips with fewer frames are skipped, and their number is logged
        crop: which part of a clip longer than max_frames is used in training: a "random" one, drawn
            anew in each epoch, or the "start"
        long_clips: how clips longer than max_frames are scored, in validation and by `asda score`:
            in "windows" of max_frames over the whole clip, whose class probabilities are averaged,
            or by their "start" alone, as the reference does
        padding: "mask" pads the clips of a batch to the longest one and hides the padding from the
            model; "fill" pads every clip to max_frames with log-mel values of 0, before
            normalisation, which the model treats as sound, as the reference does
        batch_size: clips per micro-batch of one process
        batch_frames: largest number of frames, with padding, in a training micro-batch of one
            process. Batches are then filled with clips of similar length, few long or many short
            ones; batch_size and group_by_length have no effect on them (null = batches of
            batch_size clips)
        group_by_length: whether batches consist of clips of similar length, which reduces padding;
            to this end windows of the shuffled list of clips are sorted by length
        sampling: "uniform" visits every clip once per epoch. "weighted" draws clips with the
            weights in utt2weight: without replacement while fewer are drawn than have a weight
            above 0 (the closer the two numbers, the less the weights matter), else with
            replacement. "balanced" draws in the same way with weights made from utt2label: the
            weight of a clip is the sum over its labels of 1000 / (clips of the class + 0.01), where
            clips without a label are a class of their own
        draws_per_epoch: clips per epoch, drawn anew for each epoch (null = the number of clips in
            the training set); "uniform" draws no clip twice, so it never draws more than there are
        shuffle_buffer_size: number of clips that are shuffled together, for disks on which random
            reads are slow (0 = all clips are shuffled). Blocks of clips come in random order; as
            many blocks as fill the buffer are shuffled together and read ahead into the cache of
            the operating system, which must have room for two buffers
        shuffle_block: clips per block, which are neighbours in the dump
        workers: number of processes that load batches (0 = the training process loads them itself)
        max_bad: largest fraction of the clips of a data directory that may be unusable when
            features are computed from audio; these clips are left out and listed in
            `bad_utterances` of the experiment folder (a single one is always tolerated, unless this
            is 0)
        norm: how features are normalised: "corpus" by one mean and standard deviation of all
            log-mel values; "clip" maps the values of each clip to 0..1, from the smallest one, or
            from 80 dB below the largest if that is higher, to the largest, as BAT does
            (docs/algorithm.md#normalisation-by-clip); null = as the model of `init` was trained,
            and "corpus" without one
        norm_mean: mean of the log-mel values (null = measured on the training set)
        norm_std: standard deviation of the log-mel values (null = measured on the training set)
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

    @property
    def batch_unit(self) -> str:
        """What `batch_measure` counts."""
        return "frames" if self.batch_frames else "clips"

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
        roll: whether a clip is rotated by a random time: what leaves at its end returns at its
            start
        gain: whether the waveform is scaled by a random factor, Beta(10, 10) + 0.5; to dumped
            features twice the logarithm of the factor is added, which is equivalent except for
            values at the energy floor
        noise: whether uniform noise of a random strength up to 0.1 is added to the normalised
            features, which are then rolled by up to 10 frames, as the reference does for Speech
            Commands
        speed: speed perturbation: factors such as [0.9, 1.0, 1.1], of which one is drawn for each
            clip; with 1.1 it plays 1.1 times as fast and as high. Audio is resampled; dumped
            features are warped to approximate those of resampled audio. A clip that fits into
            max_frames is not slowed down beyond them
        stretch: tempo perturbation: largest relative change of the duration (0.2 = 0.8 to 1.2 times
            as long)
        pitch: vocal tract length perturbation: largest relative change of the mel axis (0.1 =
            spectra stretched by 0.9 to 1.1)
        tilt: largest random tilt of the spectrum: the change at either end of the mel axis, in
            units of the normalised features
        level: random change of the level: the largest one in dB, up or down
        edges: random padding and trimming: the largest number of frames that are added at either
            end of a clip, as noise at the level of its quietest frames. At most half as many, and
            at most a sixth of the clip, are trimmed instead
        background: fraction of the clips to which stationary noise of random level and spectral
            tilt is added
        mixup_alpha: parameter alpha of the distribution Beta(alpha, alpha), from which the weight
            of mixup is drawn (0 = no mixup)
        mixup_probability: fraction of the batches that are mixed
        mixup_per_clip: whether the weight of mixup is drawn for each clip instead of once per batch
        time_mask: length of the longest SpecAugment time mask as a fraction of the clip
        freq_mask: width of the widest SpecAugment frequency mask as a fraction of the mel bins
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
