"""Minimum number of multiply-adds of a step."""

from __future__ import annotations

from asda.model.model_config import ResolvedModel, patch_grid

# Of each kind of attention: products of width x width for each token, and, for each pair of tokens,
# products of the width: one for the scores of each map, and one of the map, or of the difference of
# two, with the values.
PRODUCTS = {"standard": (4, 2), "gated": (5, 2), "differential": (6, 3), "diff_v2": (5, 3)}


def of_pretraining(config: ResolvedModel, patches: int, visible: int, clips: int) -> float:
    """Return the multiply-adds of a pretraining step.

    The decoder computes all patches and projects the masked ones.
    """
    of_mask = _of_encoder(config, visible + 1) + _of_decoder(config, patches, visible)
    of_teacher = _of_encoder(config, patches + 1) + _of_patches(config, patches)
    of_student = 3 * config.num_masks * of_mask + 2 * _of_patches(config, patches)
    return clips * (of_student + of_teacher)


def of_finetuning(config: ResolvedModel, patches: int, clips: int) -> float:
    """Return the multiply-adds of a fine-tuning step, without the small number in the head."""
    return clips * (3 * _of_encoder(config, patches + 1) + 2 * _of_patches(config, patches))


def of_inference(config: ResolvedModel, patches: int, clips: int) -> float:
    """Return the multiply-adds of inference, without the small number in the head."""
    return clips * (_of_encoder(config, patches + 1) + _of_patches(config, patches))


def _of_encoder(config: ResolvedModel, tokens: int) -> float:
    return config.depth * _of_block(config, tokens, config.width, config.heads)


def _of_block(config: ResolvedModel, tokens: int, width: int, heads: int) -> float:
    """Return the multiply-adds of a block in the forward pass of one clip; backward needs twice."""
    attention = config.attention
    products, pairs = PRODUCTS[attention.kind]
    if attention.kind == "differential" and attention.head_split == "half":
        products, pairs = products - 2, pairs - 1  # queries and keys of half the width
    of_token = (products + 2 * config.mlp_ratio) * width**2 + pairs * tokens * width
    if attention.kind == "diff_v2":
        of_token += heads * width  # λ
    return tokens * of_token


def _of_decoder(config: ResolvedModel, patches: int, visible: int) -> float:
    """Return the multiply-adds of the decoder for one mask, as `_of_block`."""
    decoder, width = config.decoder, config.width
    if decoder.kind == "vit":
        of_layers = decoder.layers * _of_block(config, patches, decoder.width, decoder.heads)
        if decoder.width != width:
            of_layers += visible * width * decoder.width
    else:
        one_row = patch_grid(config, 1)[1] == 1  # the rest of the kernel only sees padding
        places = decoder.kernel if one_row else decoder.kernel**2
        convolution = places * decoder.width / decoder.groups
        of_layers = patches * convolution * (width + (decoder.layers - 1) * decoder.width)
    return of_layers + (patches - visible) * decoder.width * width


def _of_patches(config: ResolvedModel, patches: int) -> float:
    """Return the multiply-adds of the patch embedding; as many in backward, which stops there."""
    return patches * config.patch.time * config.patch.freq * config.width
