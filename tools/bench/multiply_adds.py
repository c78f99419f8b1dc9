"""Multiply-adds that a step can't do without, with differential attention."""

from __future__ import annotations

from asda.model.model_config import ModelConfig


def of_pretraining(config: ModelConfig, patches: int, kept: int, clips: int) -> float:
    """Return those of a step on clips of so many patches, so many of them visible in each clone.

    The decoder convolves all patches and projects the masked ones.
    """
    width, decoder = config.width, config.decoder
    convolution = decoder.kernel**2 * decoder.width / decoder.groups
    of_decoder = patches * convolution * (width + (decoder.layers - 1) * decoder.width)
    of_decoder += (patches - kept) * decoder.width * width
    of_clone = _of_blocks(config, kept + 1) + of_decoder
    of_teacher = _of_blocks(config, patches + 1) + _of_patches(config, patches)
    of_student = 3 * config.num_masks * of_clone + 2 * _of_patches(config, patches)
    return clips * (of_student + of_teacher)


def of_finetuning(config: ModelConfig, patches: int, clips: int) -> float:
    """Return those of a step on clips of so many patches; the head's are few."""
    return clips * (3 * _of_blocks(config, patches + 1) + 2 * _of_patches(config, patches))


def of_inference(config: ModelConfig, patches: int, clips: int) -> float:
    """Return those of the forward pass of clips of so many patches; the head's are few."""
    return clips * (_of_blocks(config, patches + 1) + _of_patches(config, patches))


def _of_blocks(config: ModelConfig, tokens: int) -> float:
    """Return those of the blocks' forward pass on a clip; its backward pass has twice as many.

    A block has 4 + 1 + 1 + 2 mlp_ratio products of width x width for each token, and two maps of
    scores and one product with the values for each pair of tokens.
    """
    of_token = (6 + 2 * config.mlp_ratio) * config.width**2 + 3 * tokens * config.width
    return config.depth * tokens * of_token


def _of_patches(config: ModelConfig, patches: int) -> float:
    """Return those of embedding patches; backward as many, since features have no gradient."""
    return patches * config.patch.time * config.patch.freq * config.width
