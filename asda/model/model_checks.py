"""Whether the numbers of a model configuration fit together."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asda.model.model_config import ResolvedDecoder, ResolvedModel, ResolvedPatch


def check(config: ResolvedModel) -> None:
    """Refuse numbers that no network can be built of.

    Raises:
        ValueError: naming the key that does not fit and what would.
    """
    for name in ("depth", "width", "heads", "num_masks", "mel_bins"):
        if getattr(config, name) < 1:
            raise ValueError(f"model.{name} must be at least 1, not {getattr(config, name)}")
    if not 1 <= config.target_layers <= config.depth:
        raise ValueError(
            f"model.target_layers {config.target_layers} must lie in 1..{config.depth} (depth)"
        )
    half = config.attention.kind == "differential" and config.attention.head_split == "half"
    _check_tokens("model", config.width, config.heads, half)
    _check_decoder(config.decoder, config.width, half)
    if config.mlp_ratio <= 0:
        raise ValueError(f"model.mlp_ratio must be above 0, not {config.mlp_ratio}")
    _check_patch(config.patch, config.mel_bins)


def _check_tokens(key: str, width: int, heads: int, half: bool) -> None:
    if width % 4:
        raise ValueError(f"{key}.width {width} must be a multiple of 4 (positions)")
    _check_divides(f"{key}.heads", heads * (2 if half else 1), "width", width)


def _check_decoder(decoder: ResolvedDecoder, encoder_width: int, half: bool) -> None:
    if decoder.kind == "convolution":
        for width in (encoder_width, decoder.width):
            _check_divides("model.decoder.groups", decoder.groups, "width", width)
        if decoder.kernel < 1 or decoder.kernel % 2 == 0:
            raise ValueError(f"model.decoder.kernel must be odd, not {decoder.kernel}")
    for name in ("layers", "width"):
        value = getattr(decoder, name)
        if value < 1:
            raise ValueError(f"model.decoder.{name} must be at least 1, not {value}")
    if decoder.kind == "vit":
        _check_tokens("model.decoder", decoder.width, decoder.heads, half)


def _check_patch(patch: ResolvedPatch, mel_bins: int) -> None:
    if patch.freq > mel_bins or (mel_bins - patch.freq) % patch.freq_stride:
        raise ValueError(
            f"model.patch: patches of {patch.freq} bins, every {patch.freq_stride}, do not cover"
            f" model.mel_bins {mel_bins} without a remainder; model.patch.freq: all does"
        )


def _check_divides(key: str, value: int, what: str, total: int) -> None:
    if value < 1 or total % value:
        allowed = ", ".join(str(d) for d in range(1, min(total, 64) + 1) if total % d == 0)
        raise ValueError(f"{key}: {value} does not divide the {what} {total} (allowed: {allowed})")
