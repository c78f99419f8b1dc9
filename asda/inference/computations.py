"""What is computed of a batch of windows: embeddings, frame embeddings, outputs of heads."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from asda.files import InputError
from asda.inference.model_input import ModelInput
from asda.model.classifier import Classifier
from asda.model.encoder import Encoder
from asda.model.heads import Head
from asda.model.model_config import Pooling
from asda.model.patches import PatchEmbedding
from asda.model.pooling import Layer, pool, take_layers

Computation = Callable[[ModelInput], Tensor | list[Any]]  # one result per window
Layers = int | Sequence[int] | Mapping[int, float]
Frequency = Literal["mean", "concatenate"]


def encoder_of(network: nn.Module) -> Encoder:
    """Return the encoder of a network with or without a head."""
    return network.encoder if isinstance(network, Head) else network  # type: ignore[return-value]


def class_outputs(networks: Sequence[nn.Module]) -> Computation:
    """Return the outputs (classes,) float32 of one head, or of several with the same encoder.

    Args:
        networks: heads; of several, each must be a `Classifier`, and the encoder of the first one
            computes for all of them

    Returns:
        A computation whose results are tensors, one behind the other if there are several heads.
    """

    def compute(batch: ModelInput) -> Tensor:
        if len(networks) == 1:
            return networks[0](batch.features, batch.num_frames).float()
        heads = [network for network in networks if isinstance(network, Classifier)]
        wanted = {number for head in heads for number in head.pooled_layers}
        layers = take_layers(heads[0].encoder.layers(batch.features, batch.num_frames), wanted)
        return torch.cat([head.classify(head.pool(layers)).float() for head in heads], dim=1)

    return compute


def embeddings(network: nn.Module, pooling: Pooling | None, layers: Layers) -> Computation:
    """Return one vector per window.

    Args:
        network: with or without a head
        pooling: how the tokens of a layer become one vector; None = as the classifier does, or the
            mean of the patches for an encoder
        layers: number of a layer (0 = the patch embeddings, -1 = the last), several whose vectors
            are concatenated, or {number: weight} for their weighted sum

    Raises:
        InputError: if there is no such layer or pooling.
    """
    encoder = encoder_of(network)
    wanted = layer_numbers(layers, encoder)
    pooling = pooling or own_pooling(network)
    _require_one_of(Pooling, pooling, "pooling")
    if pooling == "cls" and 0 in wanted:
        raise InputError(
            'layer 0, that of the patch embeddings, has no CLS token; give pooling "mean" or'
            ' "statistics", or another layer'
        )

    def compute(batch: ModelInput) -> Tensor:
        found = take_layers(encoder.layers(batch.features, batch.num_frames), wanted)
        return _mixed([pool(found[number], pooling) for number in wanted], layers)

    return compute


def own_pooling(network: nn.Module) -> Pooling:
    """Return the pooling of a classifier, or the mean for an encoder."""
    return network.pooling if isinstance(network, Classifier) else "mean"


def frame_embeddings(network: nn.Module, layers: Layers, frequency: Frequency) -> Computation:
    """Return vectors over time (time, width), of which each covers at least one frame of audio.

    Args:
        network: with or without a head
        layers: as in `embeddings`
        frequency: how the patches of one time become one vector

    Raises:
        InputError: if there is no such layer or frequency.
    """
    encoder = encoder_of(network)
    wanted = layer_numbers(layers, encoder)
    _require_one_of(Frequency, frequency, "frequency")

    def compute(batch: ModelInput) -> list[Tensor]:
        found = take_layers(encoder.layers(batch.features, batch.num_frames), wanted)
        vectors = _mixed(
            [_over_time(found[number], encoder.patches, frequency) for number in wanted], layers
        )
        valid = encoder.patches.valid(batch.lengths, found[wanted[0]].patches.shape[1])
        counts = valid.sum(dim=1) // encoder.patches.num_freq
        return [rows[:count] for rows, count in zip(vectors, counts.tolist(), strict=True)]

    return compute


def _over_time(layer: Layer, patches: PatchEmbedding, frequency: Frequency) -> Tensor:
    """Return (batch, time, width), where the width is that of all frequencies if concatenated."""
    grid = layer.patches.unflatten(1, (-1, patches.num_freq))  # (batch, time, freq, width)
    return grid.mean(dim=2) if frequency == "mean" else grid.flatten(2)


def layer_numbers(layers: Layers, encoder: Encoder) -> list[int]:
    """Return the numbers of layers, from 0.

    Raises:
        InputError: if there is no such layer, or a weight is not a finite number.
    """
    depth = len(encoder.blocks)
    wanted = list(layers) if isinstance(layers, Iterable) else [layers]
    if not wanted:
        raise InputError("an empty list of layers")
    for number in wanted:
        if not hasattr(number, "__index__") or not -depth - 1 <= number <= depth:
            raise InputError(
                f"no layer {number}; there are 0 (the patch embeddings) to {depth}, or -1 for the"
                " last one"
            )
    for weight in layers.values() if isinstance(layers, Mapping) else ():
        if not math.isfinite(weight):
            raise InputError(f"a weight of {weight} for a layer; it must be a finite number")
    return [int(number) % (depth + 1) for number in wanted]


def _require_one_of(choices: Any, value: str, name: str) -> None:
    if value not in get_args(choices):
        raise InputError(f"{name} {value!r}; give one of {', '.join(get_args(choices))}")


def _mixed(vectors: Sequence[Tensor], layers: Layers) -> Tensor:
    if not isinstance(layers, Mapping):
        return torch.cat(list(vectors), dim=-1).float()
    terms = [weight * x.float() for weight, x in zip(layers.values(), vectors, strict=True)]
    return torch.stack(terms).sum(0)
