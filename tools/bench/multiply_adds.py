"""Minimum number of multiply-adds of a step with differential attention."""

from __future__ import annotations

from asda.model.model_config import ModelConfig


def of_pretraining(config: ModelConfig, patches: int, visible: int, clips: int) -> float:
    """Return the multiply-adds of a pretraining step.

    The decoder convolves all patches and projects the masked ones.
    """
    width, decoder = config.width, config.decoder
    convolution = decoder.kernel**2 * decoder.width / decoder.groups
    of_decoder = patches * convolution * (width + (decoder.layers - 1) * decoder.width)
    of_decoder += (patches - visible) * decoder.width * width
    of_mask = _of_blocks(config, visible + 1) + of_decoder
    of_teacher = _of_blocks(config, patches + 1) + _of_patches(config, patches)
    of_student = 3 * config.num_masks * of_mask + 2 * _of_patches(config, patches)
    return clips * (of_student + of_teacher)


def of_finetuning(config: ModelConfig, patches: int, clips: int) -> float:
    """Return the multiply-adds of a fine-tuning step, without the small number in the head."""
    return clips * (3 * _of_blocks(config, patches + 1) + 2 * _of_patches(config, patches))


def of_inference(config: ModelConfig, patches: int, clips: int) -> float:
    """Return the multiply-adds of inference, without the small number in the head."""
    return clips * (_of_blocks(config, patches + 1) + _of_patches(config, patches))


def _of_blocks(config: ModelConfig, tokens: int) -> float:
    """Return the multiply-adds of all blocks in the forward pass of one clip; backward needs twice.

    A block has 4 + 1 + 1 + 2 mlp_ratio products of width x width for each token, and two maps of
    scores and one product with the values for each pair of tokens.
    """
    of_token = (6 + 2 * config.mlp_ratio) * config.width**2 + 3 * tokens * config.width
    return config.depth * tokens * of_token


def _of_patches(config: ModelConfig, patches: int) -> float:
    """Return the multiply-adds of the patch embedding; as many in backward, which stops there."""
    return patches * config.patch.time * config.patch.freq * config.width
