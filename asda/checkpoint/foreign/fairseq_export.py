"""Write checkpoints that the reference implementations read.

The format is described in docs/algorithm.md#checkpoint-formats.
"""

from __future__ import annotations

from typing import Any

from asda.checkpoint.foreign.fairseq import POOLINGS
from asda.checkpoint.foreign.fairseq_names import (
    OUTPUT,
    POSITION_ROWS,
    POSITIONS,
    reference_name,
)
from asda.checkpoint.saved_model import SavedModel
from asda.files import InputError
from asda.model.classifier import Classifier
from asda.model.model_config import ResolvedModel
from asda.model.patches import sincos_positions


def to_reference(saved: SavedModel) -> dict[str, Any]:
    """Return the content of a reference checkpoint with the same tensors.

    Raises:
        InputError: if the model has a part that the reference does not know.
    """
    if saved.kind == "encoder":
        raise InputError(
            f"{saved.path}: an encoder alone; the reference's files hold an encoder with a decoder"
            " (a pretrained model) or with a classifier"
        )
    model = saved.config
    _check_form(model, saved.path)
    if "mean" not in saved.normalization:
        raise InputError(f"{saved.path}: the reference cannot normalise features clip by clip")
    tensors: dict[str, Any] = {reference_name(n): tensor for n, tensor in saved.weights.items()}
    positions = sincos_positions(POSITION_ROWS, 8, model.width)[None]
    if saved.kind == "finetuned":
        cfg = _classifier_cfg(model, saved, _prediction_mode(saved))
        tensors[f"model.{POSITIONS}"] = positions.to(saved.weights["encoder.cls_token"].dtype)
    else:
        cfg = _pretraining_cfg(model, saved)
        tensors[POSITIONS] = positions.to(saved.weights["student.cls_token"].dtype)
        tensors["_ema"] = {
            name.removeprefix("_ema."): tensors.pop(name)
            for name in list(tensors)
            if name.startswith("_ema.")
        } | {POSITIONS: positions.to(saved.weights["teacher.cls_token"].dtype)}
    labels = {label: str(index) for index, label in enumerate(saved.labels)}
    return {
        "args": None,
        "cfg": cfg,
        "model": tensors,
        "criterion": None,
        "optimizer_history": [{"num_updates": saved.facts.get("updates")}],
        "task_state": {"labels": labels} if labels else {},
        "extra_state": {OUTPUT: saved.output} if saved.head else {},
        "last_optimizer_state": None,
    }


def _prediction_mode(saved: SavedModel) -> str:
    head = {"layers": "last", **saved.head}
    for mode, pooling in POOLINGS.items():
        if head == {"name": Classifier.name, "pooling": pooling, "layers": "last"}:
            return mode
    settings = ", ".join(f"{key} {value}" for key, value in saved.head.items())
    raise InputError(
        f"{saved.path}: a head ({settings}) that the reference does not know; it has classifiers of"
        f" the last layer with pooling {' or '.join(POOLINGS.values())}"
    )


def _check_form(model: ResolvedModel, path: str) -> None:
    attention, patch = model.attention, model.patch
    sizes = (patch.time, patch.freq, patch.time_stride, patch.freq_stride)
    standard = attention.kind == "standard"
    if attention.kind not in ("standard", "differential") or model.decoder.kind != "convolution":
        raise InputError(
            f"{path}: the reference has no such model (attention {attention.kind}, decoder"
            f" {model.decoder.kind}); it has standard or differential attention and a decoder of"
            " convolutions"
        )
    wanted = {
        "attention.bias": (attention.bias, True),
        "patch (time, freq and their strides)": (sizes, (16, 16, 16, 16)),
        "patch.position_scale": (patch.position_scale, 1),
        "mel_bins": (model.mel_bins, 128),
        "mlp_ratio": (model.mlp_ratio, 4.0 if standard else 3.5),
    }
    if not standard:
        wanted |= {
            "attention.lambda_init": (attention.lambda_init, 0.1),
            "attention.learn_lambda": (attention.learn_lambda, False),
            "attention.output_scale": (attention.output_scale, 0.95),
            "attention.norm": (attention.norm, "layer"),
            "attention.head_split": (attention.head_split, "full"),
        }
    other = [
        f"model.{key} is {found}, not {only}"
        for key, (found, only) in wanted.items()
        if found != only
    ]
    if other:
        raise InputError(f"{path}: the reference has no such model ({'; '.join(other)})")


def _pretraining_cfg(model: ResolvedModel, saved: SavedModel) -> dict[str, Any]:
    frames = saved.data.get("max_frames", 1024)
    decoder, mask = model.decoder, model.mask
    image = {
        "type": "IMAGE",
        "in_chans": 1,
        "patch_size": 16,
        "embed_dim": model.width,
        "target_length": frames,
        "max_length": POSITION_ROWS,
        "inverse_mask": True,
        "mask_prob": mask.ratio,
        "mask_prob_adjust": mask.adjust,
        "mask_length": mask.block_time,
        "mask_noise_std": decoder.mask_noise,
        "prenet_depth": 0,
        "ema_local_encoder": True,
        "num_extra_tokens": 1,
        "init_extra_token_zero": False,
        "use_alibi_encoder": False,
        "fixed_positions": True,
        "transformer_decoder": False,
        "decoder": {
            "decoder_dim": decoder.width,
            "decoder_groups": decoder.groups,
            "decoder_kernel": decoder.kernel,
            "decoder_layers": decoder.layers,
            "input_dropout": 0.0,
            "decoder_residual": True,
        },
    }
    return {
        "task": {
            "_name": "mae_image_pretraining",
            "target_length": frames,
            "audio_mae": True,
            "downsr_16hz": True,
            "norm_mean": saved.normalization["mean"],
            "norm_std": saved.normalization["std"],
        },
        "model": {
            "_name": "data2vec_multi",
            "depth": model.depth,
            "num_heads": model.heads,
            "embed_dim": model.width,
            "mlp_ratio": 4.0,
            "norm_eps": 1e-6,
            "norm_affine": True,
            "layer_norm_first": False,
            "average_top_k_layers": model.target_layers,
            "end_of_block_targets": model.target_output == "block",
            "clone_batch": model.num_masks,
            "instance_norm_target_layer": model.target_norm == "clip",
            "layer_norm_target_layer": model.target_norm == "patch",
            "layer_norm_targets": True,
            "ema_decay": 0.9998,
            "ema_end_decay": 0.99999,
            "ema_anneal_end_step": 100000,
            "ema_encoder_only": False,
            "loss_beta": 0.0,
            "loss_scale": None,
            "cls_loss": model.cls_weight,
            "d2v_loss": 1.0,
            "recon_loss": 0.0,
            "supported_modality": "IMAGE",
            "modalities": {"image": image},
        },
    }


def _classifier_cfg(model: ResolvedModel, saved: SavedModel, pooling: str) -> dict[str, Any]:
    pretraining = _pretraining_cfg(model, saved)
    frames = pretraining["task"]["target_length"]
    return {
        "task": {"_name": "mae_image_classification", "target_length": frames}
        | {key: pretraining["task"][key] for key in ("norm_mean", "norm_std")},
        "model": {
            "_name": "mae_image_classification",
            "num_classes": len(saved.labels),
            "prediction_mode": pooling,
            "use_fc_norm": True,
            "target_length": frames,
            "pretrained_model_args": pretraining,
        },
    }
