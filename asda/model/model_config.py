"""Configuration of the model; importable without torch."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml

SIZES = Path(__file__).parent / "sizes"
Pooling = Literal["cls", "mean", "statistics"]
PooledLayers = Literal["last", "all"]
TargetNorm = Literal["clip", "patch"]
MEL_BINS = 128  # of networks that are built without features, and the default of the filterbank


@dataclass
class PatchConfig:
    """Patches that the spectrogram is cut into (docs/algorithm.md#patches).

    Args:
        time: frames of a patch
        freq: mel bins of a patch; "all" gives patches over the whole spectrum, which make short
            sequences and suit speech
        time_stride: frames from one patch to the next (null = `time`, patches do not overlap)
        freq_stride: mel bins from one patch to the next (null = `freq`)
        position_scale: scale of the fixed sin-cos position embeddings. At 1 they dominate the
            patch embeddings early on, and short runs learn little beyond position
    """

    time: int = 16
    freq: int | Literal["all"] = 16
    time_stride: int | None = None
    freq_stride: int | None = None
    position_scale: float = 1.0

    def __post_init__(self) -> None:
        for name in ("time", "freq", "time_stride", "freq_stride"):
            value = getattr(self, name)
            if isinstance(value, int) and value < 1:
                raise ValueError(f"model.patch.{name} must be at least 1, not {value}")
        if self.position_scale < 0:
            raise ValueError(
                f"model.patch.position_scale must not be negative, not {self.position_scale}"
            )


@dataclass
class AttentionConfig:
    """Self-attention (docs/algorithm.md#differential-attention).

    Args:
        kind: "differential" subtracts λ times a second softmax map, "standard" has one map
        lambda_init: λ, or its initial value if it is learned (null = 0.8 - 0.6 exp(-0.3 i) in
            block i, the schedule of DIFF Transformer)
        learn_lambda: learn λ as exp(q1.k1) - exp(q2.k2) + lambda_init
        output_scale: constant factor after the norm (null = 1 - lambda_init)
        norm: norm after the subtraction: "layer" over the concatenated heads, "head_rms" per head,
            or "none"
        head_split: "full" gives both maps queries and keys of a whole head's width; "half" halves
            them, so that two maps have as many parameters as one
        bias: biases in the projections
    """

    kind: Literal["differential", "standard"] = "differential"
    lambda_init: float | None = 0.1
    learn_lambda: bool = False
    output_scale: float | None = 0.95
    norm: Literal["layer", "head_rms", "none"] = "layer"
    head_split: Literal["full", "half"] = "full"
    bias: bool = True


@dataclass
class MaskConfig:
    """Which patches the student does not see (docs/algorithm.md#masking).

    Args:
        sampler: "block" leaves blocks of patches around random cells visible (inverse block
            masking), "random" any patches
        ratio: fraction of the patches that is masked
        block_time: length of a visible block, in patches
        block_freq: height of a visible block, in patches
        adjust: added to the visible fraction when choosing the number of blocks, to compensate for
            their overlap (`mask_prob_adjust` in the reference)
    """

    sampler: Literal["block", "random"] = "block"
    ratio: float = 0.8
    block_time: int = 5
    block_freq: int = 5
    adjust: float = 0.07

    def __post_init__(self) -> None:
        if not 0 < self.ratio < 1:
            raise ValueError(f"model.mask.ratio must lie between 0 and 1, not {self.ratio}")
        for name in ("block_time", "block_freq"):
            if getattr(self, name) < 1:
                raise ValueError(f"model.mask.{name} must be at least 1, not {getattr(self, name)}")


@dataclass
class DecoderConfig:
    """Convolutions that predict the masked patches (docs/algorithm.md#decoder).

    Args:
        layers: convolution layers (null = from the named size)
        width: channels (null = the encoder's width)
        kernel: side of the kernel, odd (null = from the named size)
        groups: groups of the convolutions (null = from the named size)
        mask_noise: standard deviation of the noise in place of masked patches
    """

    layers: int | None = None
    width: int | None = None
    kernel: int | None = None
    groups: int | None = None
    mask_noise: float = 0.01


@dataclass
class ModelConfig:
    """The encoder and its pretraining; the defaults are those of ASDA.

    Args:
        size: named size whose values replace those left at null: tiny, small, base or large
        mel_bins: number of mel bins (null = that of the features)
        depth: number of transformer blocks
        width: channels of a token
        heads: number of attention heads
        mlp_ratio: hidden width of the MLP divided by the width of a token
        patch: patches
        attention: attention
        mask: masks
        num_masks: number of masks per clip and step (multi-mask training)
        decoder: decoder
        target_layers: the target is the average of the MLP outputs of this many top blocks of the
            teacher (`average_top_k_layers` in the reference; null = all)
        target_norm: how these outputs are normalised first. "clip": each channel over the patches
            of a clip, as in the reference, which removes what all patches of a clip have in
            common; "patch": each patch over its channels, which preserves it
        cls_weight: weight of the CLS loss
        cls_reduction: "mean" over clips and masks, or "sum" as in the reference, with which the
            weight of the CLS loss grows with batch size and `num_masks`
    """

    size: Literal["tiny", "small", "base", "large"] = "base"
    mel_bins: int | None = None
    depth: int | None = None
    width: int | None = None
    heads: int | None = None
    mlp_ratio: float = 3.5
    patch: PatchConfig = field(default_factory=PatchConfig)
    attention: AttentionConfig = field(default_factory=AttentionConfig)
    mask: MaskConfig = field(default_factory=MaskConfig)
    num_masks: int = 16
    decoder: DecoderConfig = field(default_factory=DecoderConfig)
    target_layers: int | None = None
    target_norm: TargetNorm = "clip"
    cls_weight: float = 1.0
    cls_reduction: Literal["mean", "sum"] = "mean"

    def for_features(self, mel_bins: int) -> ModelConfig:
        """Return a copy with numbers for what follows the features: `mel_bins` and `patch.freq`.

        Args:
            mel_bins: mel bins of the features
        """
        mel_bins = mel_bins if self.mel_bins is None else self.mel_bins
        freq = mel_bins if self.patch.freq == "all" else self.patch.freq
        patch = dataclasses.replace(self.patch, freq=freq)
        return dataclasses.replace(self, mel_bins=mel_bins, patch=patch)

    def resolved(self, mel_bins: int = MEL_BINS) -> ResolvedModel:
        """Return a copy without nulls, filled from features and named size, and checked.

        Args:
            mel_bins: mel bins of the features

        Raises:
            ValueError: naming the key that does not fit and what would.
        """
        fitted = self.for_features(mel_bins)
        size = yaml.safe_load((SIZES / f"{self.size}.yaml").read_text(encoding="utf-8"))
        values = _filled(fitted, {key: size[key] for key in ("depth", "width", "heads")})
        strides = {"time_stride": fitted.patch.time, "freq_stride": fitted.patch.freq}
        values["patch"] = ResolvedPatch(**_filled(fitted.patch, strides))
        decoder = size["decoder"] | {"width": values["width"]}
        values["decoder"] = ResolvedDecoder(**_filled(self.decoder, decoder))
        values["target_layers"] = self.target_layers or values["depth"]
        config = ResolvedModel(**values)
        _check(config)
        return config


@dataclass(kw_only=True)
class ResolvedPatch(PatchConfig):
    """Patches without nulls."""

    freq: int
    time_stride: int
    freq_stride: int


@dataclass(kw_only=True)
class ResolvedDecoder(DecoderConfig):
    """Decoder without nulls."""

    layers: int
    width: int
    kernel: int
    groups: int


@dataclass(kw_only=True)
class ResolvedModel(ModelConfig):
    """A model configuration without nulls, which networks are built from."""

    mel_bins: int
    depth: int
    width: int
    heads: int
    patch: ResolvedPatch
    decoder: ResolvedDecoder
    target_layers: int


def _filled(config: Any, values: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a dataclass, with `values` where it has null."""
    fields = {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}
    return fields | {key: value for key, value in values.items() if fields[key] is None}


def _check(config: ResolvedModel) -> None:
    for name in ("depth", "width", "heads", "num_masks", "mel_bins"):
        if getattr(config, name) < 1:
            raise ValueError(f"model.{name} must be at least 1, not {getattr(config, name)}")
    if not 1 <= config.target_layers <= config.depth:
        raise ValueError(
            f"model.target_layers {config.target_layers} must lie in 1..{config.depth} (depth)"
        )
    if config.width % 4:
        raise ValueError(f"model.width {config.width} must be a multiple of 4 (positions)")
    half = config.attention.kind == "differential" and config.attention.head_split == "half"
    _check_divides("model.heads", config.heads * (2 if half else 1), "width", config.width)
    _check_divides("model.decoder.groups", config.decoder.groups, "width", config.width)
    _check_divides("model.decoder.groups", config.decoder.groups, "width", config.decoder.width)
    if config.decoder.kernel < 1 or config.decoder.kernel % 2 == 0:
        raise ValueError(f"model.decoder.kernel must be odd, not {config.decoder.kernel}")
    for name in ("layers", "width"):
        value = getattr(config.decoder, name)
        if value < 1:
            raise ValueError(f"model.decoder.{name} must be at least 1, not {value}")
    if config.mlp_ratio <= 0:
        raise ValueError(f"model.mlp_ratio must be above 0, not {config.mlp_ratio}")
    patch = config.patch
    if patch.freq > config.mel_bins or (config.mel_bins - patch.freq) % patch.freq_stride:
        raise ValueError(
            f"model.patch: patches of {patch.freq} bins, every {patch.freq_stride}, do not cover"
            f" model.mel_bins {config.mel_bins} without a remainder; model.patch.freq: all does"
        )


def _check_divides(key: str, value: int, what: str, total: int) -> None:
    if value < 1 or total % value:
        allowed = ", ".join(str(d) for d in range(1, min(total, 64) + 1) if total % d == 0)
        raise ValueError(f"{key}: {value} does not divide the {what} {total} (allowed: {allowed})")


def patch_grid(config: ResolvedModel, num_frames: int) -> tuple[int, int]:
    """Return the number of patches of a clip along time and along frequency.

    A last patch that is not full is filled with zeros, the mean of normalised features.
    """
    patch = config.patch
    time = max(0, math.ceil((num_frames - patch.time) / patch.time_stride)) + 1
    return time, (config.mel_bins - patch.freq) // patch.freq_stride + 1
