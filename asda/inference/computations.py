"""What is computed of a batch of windows: embeddings, frame embeddings, outputs of heads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
    """
    encoder = encoder_of(network)
    wanted = layer_numbers(layers, encoder)
    pooling = pooling or own_pooling(network)
    if pooling not in get_args(Pooling):
        raise InputError(f"no pooling '{pooling}'; there are {', '.join(get_args(Pooling))}")
    if pooling == "cls" and 0 in wanted:
        raise InputError("layer 0, that of the patch embeddings, has no CLS token; pool its mean")

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
    """
    encoder = encoder_of(network)
    wanted = layer_numbers(layers, encoder)

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
        InputError: if there is no such layer.
    """
    depth = len(encoder.blocks)
    wanted = [layers] if isinstance(layers, int) else list(layers)
    if not wanted:
        raise InputError("an empty list of layers")
    for number in wanted:
        if not isinstance(number, int) or not -depth - 1 <= number <= depth:
            raise InputError(
                f"no layer {number}; there are 0 (the patch embeddings) to {depth}, or -1 for the"
                " last one"
            )
    return [number % (depth + 1) for number in wanted]


def _mixed(vectors: Sequence[Tensor], layers: Layers) -> Tensor:
    if not isinstance(layers, Mapping):
        return torch.cat(list(vectors), dim=-1).float()
    terms = [weight * x.float() for weight, x in zip(layers.values(), vectors, strict=True)]
    return torch.stack(terms).sum(0)
