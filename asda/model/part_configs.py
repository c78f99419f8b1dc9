"""Configurations of the parts of the model; importable without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from asda.unread_settings import only_with


@dataclass
class PatchConfig:
    """Patches that the spectrogram is cut into (docs/algorithm.md#patches).

    Args:
        time: length of a patch in frames
        freq: height of a patch in mel bins; with "all" patches span the whole spectrum, which makes
            short sequences and suits speech
        time_stride: frames from the start of a patch to that of the next (null = `time`: patches do
            not overlap)
        freq_stride: mel bins from the lower edge of a patch to that of the next (null = `freq`)
        position_scale: factor of the fixed sin-cos position embeddings. With 1 they dominate the
            patch embeddings early in training, and short runs learn little beyond positions
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
    """Self-attention; settings after `kind`, except `bias`, are for the kind "differential".

    Args:
        kind: "differential" subtracts λ times a second softmax map
            (docs/algorithm.md#differential-attention); "standard" has one map; "gated" is standard
            attention whose output is multiplied by a sigmoid gate
            (docs/algorithm.md#gated-attention); "diff_v2" has two maps over the same keys, and a λ
            for each token and head (docs/algorithm.md#diff-v2)
        lambda_init: the weight λ of the second map, or its initial value if it is learned (null =
            0.8 - 0.6 exp(-0.3 i) in block i, the schedule of DIFF Transformer)
        learn_lambda: whether λ is learned, as exp(q1.k1) - exp(q2.k2) + lambda_init with learned
            vectors q1, k1, q2 and k2
        output_scale: constant factor of the output after the norm (null = 1 - lambda_init)
        norm: norm of the output after the subtraction: "layer" over the concatenated heads,
            "head_rms" (RMSNorm) over each head, or "none"
        head_split: "full" gives the queries and keys of both maps the full width of a head; "half"
            gives them half of it, so that two maps have as many parameters as one
        bias: whether the linear projections have biases
    """

    kind: Literal["differential", "standard", "gated", "diff_v2"] = "differential"
    lambda_init: float | None = only_with(0.1, kind="differential")
    learn_lambda: bool = only_with(False, kind="differential")
    output_scale: float | None = only_with(0.95, kind="differential")
    norm: Literal["layer", "head_rms", "none"] = only_with("layer", kind="differential")
    head_split: Literal["full", "half"] = only_with("full", kind="differential")
    bias: bool = True


@dataclass
class MaskConfig:
    """Which patches the student does not see (docs/algorithm.md#masking).

    Args:
        sampler: "block" leaves blocks of patches visible, each around a random patch (inverse block
            masking); "random" leaves random patches visible
        ratio: fraction of the patches that is masked
        block_time: length of a visible block along time, in patches
        block_freq: height of a visible block along frequency, in patches
        adjust: number that is added to the fraction of visible patches from which the number of
            blocks follows, because blocks overlap (`mask_prob_adjust` in the reference)
    """

    sampler: Literal["block", "random"] = "block"
    ratio: float = 0.8
    block_time: int = only_with(5, sampler="block")
    block_freq: int = only_with(5, sampler="block")
    adjust: float = only_with(0.07, sampler="block")

    def __post_init__(self) -> None:
        if not 0 < self.ratio < 1:
            raise ValueError(f"model.mask.ratio must lie between 0 and 1, not {self.ratio}")
        for name in ("block_time", "block_freq"):
            if getattr(self, name) < 1:
                raise ValueError(f"model.mask.{name} must be at least 1, not {getattr(self, name)}")


@dataclass
class DecoderConfig:
    """The network that predicts the masked patches (docs/algorithm.md#decoder).

    Args:
        kind: "convolution", or "vit" for transformer blocks like those of the encoder
            (docs/algorithm.md#vit-decoder)
        layers: number of convolution layers, or of blocks (null = that of the named size)
        width: number of channels (null = the encoder's width)
        heads: number of attention heads of "vit" (null = as many as the encoder has)
        kernel: side of the square kernel of "convolution", an odd number (null = that of the named
            size)
        groups: number of groups of "convolution" (null = that of the named size)
        mask_noise: standard deviation of the noise that "convolution" is given in the place of
            masked patches
    """

    kind: Literal["convolution", "vit"] = "convolution"
    layers: int | None = None
    width: int | None = None
    heads: int | None = only_with(None, kind="vit")
    kernel: int | None = only_with(None, kind="convolution")
    groups: int | None = only_with(None, kind="convolution")
    mask_noise: float = only_with(0.01, kind="convolution")
