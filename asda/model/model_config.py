"""Configuration of the model; importable without torch."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml

from asda.model.model_checks import check
from asda.model.part_configs import AttentionConfig, DecoderConfig, MaskConfig, PatchConfig
from asda.unread_settings import not_with

SIZES = Path(__file__).parent / "sizes"
Pooling = Literal["cls", "mean", "statistics"]
PooledLayers = Literal["last", "all"]
TargetNorm = Literal["clip", "patch"]
TargetOutput = Literal["mlp", "block"]
MEL_BINS = 128  # of networks that are built without features, and the default of the filterbank


@dataclass
class ModelConfig:
    """The encoder and its pretraining; the defaults are those of ASDA.

    Args:
        size: named size, tiny, small, base or large, whose values take the place of those left at
            null
        mel_bins: number of mel bins (null = that of the features)
        depth: number of transformer blocks
        width: channels of a token
        heads: number of attention heads
        mlp_ratio: hidden width of the MLP divided by the width of a token
        patch: patches
        attention: attention
        mask: masks
        num_masks: number of masks per clip and update (multi-mask training)
        decoder: decoder
        target_layers: number of the teacher's top blocks, over which the target is averaged
            (`average_top_k_layers` in the reference; null = all blocks)
        target_output: which output of each of these blocks is averaged: that of its "mlp" before
            the residual sum, as in the reference, or the tokens that the whole "block" returns
            (`end_of_block_targets` in data2vec)
        target_norm: how the output of each block is normalised before it is averaged: "clip"
            normalises each channel over the patches of a clip, as in the reference, which removes
            what all patches of a clip have in common; "patch" normalises each patch over its
            channels, which preserves it
        cls_weight: weight of the CLS loss
        cls_reduction: how the CLS loss of a batch is reduced: to the "mean" over clips and masks,
            or to their "sum", as in the reference, so that its weight grows with the batch size and
            `num_masks`
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
    target_output: TargetOutput = "mlp"
    target_norm: TargetNorm = "clip"
    cls_weight: float = 1.0
    cls_reduction: Literal["mean", "sum"] = not_with("mean", cls_weight=0)

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
        decoder = size["decoder"] | {key: values[key] for key in ("width", "heads")}
        values["decoder"] = ResolvedDecoder(**_filled(self.decoder, decoder))
        values["target_layers"] = self.target_layers or values["depth"]
        config = ResolvedModel(**values)
        check(config)
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
    heads: int
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


def patch_grid(config: ResolvedModel, num_frames: int) -> tuple[int, int]:
    """Return the number of patches of a clip along time and along frequency.

    A last patch that is not full is filled with zeros, the mean of normalised features.
    """
    patch = config.patch
    time = max(0, math.ceil((num_frames - patch.time) / patch.time_stride)) + 1
    return time, (config.mel_bins - patch.freq) // patch.freq_stride + 1
