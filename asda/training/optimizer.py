"""AdamW: parameter groups, learning-rate schedule, and the reference's form of eps."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from asda.training.run_config import OptimizerConfig


@runtime_checkable
class Layered(Protocol):
    """A model whose layers can have learning rates of their own."""

    def layer_groups(self) -> list[list[nn.Parameter]]:
        """Return the parameters of the embeddings, of the lowest block, ... of the highest."""


def make_optimizer(model: nn.Module, config: OptimizerConfig) -> torch.optim.AdamW:
    """Return AdamW over the trainable parameters, one group per learning rate and weight decay.

    Each group carries `lr_scale`, the factor of its learning rate.
    """
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    layers = model.layer_groups() if isinstance(model, Layered) else []
    scales = layer_scales(len(layers), config)
    scale_of = {p: scale for group, scale in zip(layers, scales, strict=True) for p in group}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        decayed = config.decay_all or (parameter.ndim > 1 and not name.endswith("_token"))
        key = (scale_of.get(parameter, 1.0), config.weight_decay if decayed else 0.0)
        groups.setdefault(key, []).append(parameter)
    return torch.optim.AdamW(
        [
            {"params": parameters, "lr_scale": scale, "weight_decay": decay}
            for (scale, decay), parameters in groups.items()
        ],
        lr=config.lr,
        betas=config.betas,
        eps=config.eps,
        fused=True,
    )


def layer_scales(num_groups: int, config: OptimizerConfig) -> list[float]:
    """Return the factor of the learning rate of each layer group, embeddings first.

    The highest block has `layer_decay`, and each group below it one factor more. With
    `decay_embeddings` false, the embeddings have the full rate (docs/algorithm.md#layer-decay).
    """
    scales = [config.layer_decay ** (num_groups - index) for index in range(num_groups)]
    return scales if config.decay_embeddings else [1.0] * min(1, num_groups) + scales[1:]


def set_learning_rate(
    optimizer: torch.optim.Optimizer, config: OptimizerConfig, rate: Callable[[float], float]
) -> None:
    """Set the learning rate of each group to `rate(peak learning rate of the group)`."""
    for group in optimizer.param_groups:
        group["lr"] = rate(config.lr * group["lr_scale"])


def learning_rate(update: int, peak: float, config: OptimizerConfig, updates: int) -> float:
    """Return the learning rate of the next update after `update` completed ones.

    Linear warm-up from min_lr to `peak`, then half a cosine down to min_lr. A group whose peak lies
    below min_lr keeps its peak throughout (docs/algorithm.md#schedule).
    """
    low = min(config.min_lr, peak)
    if update < config.warmup:
        return low + update * (peak - low) / config.warmup
    progress = min(1.0, (update - config.warmup) / max(1, updates - config.warmup))
    return low + 0.5 * (peak - low) * (1 + math.cos(math.pi * progress))


def set_reference_eps(optimizer: torch.optim.Optimizer, config: OptimizerConfig, step: int) -> None:
    """Make PyTorch's AdamW add eps before bias correction, as fairseq does.

    (sqrt(v) + eps) / sqrt(1 - beta2^t) is PyTorch's sqrt(v_hat) + eps' with
    eps' = eps / sqrt(1 - beta2^t) (docs/algorithm.md#optimiser).

    Args:
        step: number t of the next step, from 1
    """
    for group in optimizer.param_groups:
        group["eps"] = config.eps / math.sqrt(1 - config.betas[1] ** step)


def skip_next_step(optimizer: torch.optim.Optimizer, skipped: Tensor) -> None:
    """Make the next step of a fused optimizer do nothing if `skipped` is 1; 0 changes nothing.

    The kernel reads the value on the device, as it does for PyTorch's GradScaler, so the host need
    not wait for it.

    Args:
        skipped: 0-d float32 on the device of the parameters
    """
    optimizer.found_inf = skipped  # type: ignore[attr-defined]
