"""The attention of chosen tokens, layers and heads, as grids of patches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from asda.figures.attention_maps import AttentionMaps, attention_maps
from asda.figures.clip_input import ClipInput
from asda.files import InputError
from asda.inference.audio_model import AudioModel
from asda.inference.computations import encoder_of, layer_numbers
from asda.model.encoder import Encoder
from asda.model.model_config import ResolvedModel, patch_grid


@dataclass
class Row:
    """Attention of one query, at one layer, as grids of patches (time, freq) float32.

    Weights are multiples of uniform attention over all tokens.

    Attributes:
        title: layer and head
        time_patches: patches of the clip along time; those after them are padding
        grids: title and grid of each map
    """

    title: str
    time_patches: int
    grids: list[tuple[str, np.ndarray]]


def chosen_layers(wanted: Sequence[int], encoder: Encoder) -> list[int]:
    """Return the numbers of layers with attention, in rising order.

    Args:
        wanted: numbers as the user gave them; negative ones count from the last layer
        encoder: encoder of the model

    Raises:
        InputError: if there is no such layer, or it has no attention.
    """
    numbers = layer_numbers(wanted, encoder)
    if 0 in numbers:
        raise InputError(
            "layer 0, that of the patch embeddings, has no attention; name layers from 1"
        )
    return sorted(set(numbers))


def chosen_heads(wanted: Sequence[int], config: ResolvedModel) -> list[int]:
    """Return the numbers of heads, from 1; an empty list stands for the mean of all.

    Raises:
        InputError: if the model has no such head.
    """
    for head in wanted:
        if not 1 <= head <= config.heads:
            raise InputError(
                f"--heads: {head} is out of range: the model has heads 1 to {config.heads}"
            )
    return sorted(set(wanted))


def query_tokens(clip: ClipInput, config: ResolvedModel, at: float | None) -> slice:
    """Return the tokens that attend: CLS, or the patches at a moment.

    Args:
        clip: the clip
        config: resolved configuration of the model
        at: moment in seconds of the file; None = the query is CLS

    Raises:
        InputError: if the moment lies outside the clip.
    """
    if at is None:
        return slice(0, 1)
    if not clip.start <= at < clip.end:
        raise InputError(f"--at: {at:g} s is not between {clip.start:.2f} and {clip.end:.2f} s")
    num_time, num_freq = patch_grid(config, len(clip.log_mel))
    frames = (at - clip.start) / clip.fbank.frame_seconds
    first = 1 + min(int(frames / config.patch.time_stride), num_time - 1) * num_freq
    return slice(first, first + num_freq)


def attention_rows(
    model: AudioModel,
    clip: ClipInput,
    layers: Sequence[int],
    heads: Sequence[int],
    queries: slice,
) -> list[Row]:
    """Return one row per layer and head, of the mean over the queries.

    Args:
        model: the model
        clip: the clip as the model takes it
        layers: numbers of blocks from 1
        heads: numbers of heads from 1; empty = the mean of all heads
        queries: tokens that attend
    """
    grid = patch_grid(model.saved.config, clip.features.shape[1])
    shown = patch_grid(model.saved.config, len(clip.log_mel))[0]
    rows = []
    for maps in attention_maps(encoder_of(model.network), clip.features, None, layers):
        for head in heads or (None,):
            name = "mean of the heads" if head is None else f"head {head}"
            grids = [
                (title, _grid(weights, head, queries, grid)) for title, weights in _titled(maps)
            ]
            rows.append(Row(f"layer {maps.layer}, {name}", shown, grids))
    return rows


def _titled(maps: AttentionMaps) -> list[tuple[str, Tensor]]:
    if maps.second is None:
        return [("attention", maps.first)]
    return [
        ("map 1", maps.first),
        ("map 2", maps.second),
        (f"map 1 − {_lambda(maps.lam)} · map 2", maps.difference),
    ]


def _lambda(lam: float | Tensor) -> str:
    return f"{lam:.3g}" if isinstance(lam, float) else "λ of the query"


def _grid(weights: Tensor, head: int | None, queries: slice, grid: tuple[int, int]) -> np.ndarray:
    """Return the attention on patches (time, freq), as multiples of uniform attention."""
    of_head = weights[0].mean(0) if head is None else weights[0, head - 1]
    row: np.ndarray = of_head[queries, 1:].mean(0).cpu().numpy()
    return row.reshape(grid) * weights.shape[3]
