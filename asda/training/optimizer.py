"""AdamW, its parameter groups and its learning-rate schedule."""

from __future__ import annotations

import math
import re

import torch
from torch import nn

from asda.training.run_config import OptimizerConfig


def make_optimizer(model: nn.Module, config: OptimizerConfig) -> torch.optim.AdamW:
    """Return AdamW over the trainable parameters, one group per learning rate and weight decay.

    Each group carries `lr_scale`, its factor of the learning rate.
    """
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    depth = _depth(model)
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        decayed = config.decay_all or (parameter.ndim > 1 and not name.endswith("cls_token"))
        key = (layer_scale(name, depth, config), config.weight_decay if decayed else 0.0)
        groups.setdefault(key, []).append(parameter)
    return torch.optim.AdamW(
        [
            {"params": parameters, "lr_scale": scale, "weight_decay": decay}
            for (scale, decay), parameters in groups.items()
        ],
        lr=config.lr,
        betas=tuple(config.betas),
        eps=config.eps,
        fused=True,
    )


def layer_scale(name: str, depth: int, config: OptimizerConfig) -> float:
    """Return the factor of the learning rate of a parameter: layer_decay ** (blocks above it).

    Block i of `depth` has layer_decay ** (depth - i) (algorithm.md 12.4).
    """
    block = _block_of(name)
    if block is not None:
        return config.layer_decay ** (depth - block)
    if _is_embedding(name) and config.decay_embeddings:
        return config.layer_decay ** (depth + 1)
    return 1.0


def set_learning_rate(optimizer: torch.optim.Optimizer, config: OptimizerConfig, lr_of) -> None:
    """Set each group's learning rate to `lr_of(highest rate of the group)`."""
    for group in optimizer.param_groups:
        group["lr"] = lr_of(config.lr * group["lr_scale"])


def learning_rate(update: int, peak: float, config: OptimizerConfig, updates: int) -> float:
    """Return the rate of the next update after `update` completed ones (algorithm.md 10.3).

    Linear from min_lr to `peak` over the warm-up, then half a cosine down to min_lr; a group
    whose peak lies below min_lr keeps its peak throughout.
    """
    low = min(config.min_lr, peak)
    if update < config.warmup:
        return low + update * (peak - low) / config.warmup
    share = min(1.0, (update - config.warmup) / max(1, updates - config.warmup))
    return low + 0.5 * (peak - low) * (1 + math.cos(math.pi * share))


def set_reference_eps(optimizer: torch.optim.Optimizer, config: OptimizerConfig, step: int) -> None:
    """Move Adam's eps beside the uncorrected root for the `step`-th step, 1 the first.

    (sqrt(v) + eps) / sqrt(1 - b2^t) is PyTorch's form with eps / sqrt(1 - b2^t)
    (algorithm.md 10.2).
    """
    for group in optimizer.param_groups:
        group["eps"] = config.eps / math.sqrt(1 - config.betas[1] ** step)


def _depth(model: nn.Module) -> int:
    blocks = (_block_of(name) for name, _ in model.named_parameters())
    return max((block + 1 for block in blocks if block is not None), default=0)


def _block_of(name: str) -> int | None:
    found = re.search(r"(?:^|\.)encoder\.blocks\.(\d+)\.", name)
    return int(found.group(1)) if found else None


def _is_embedding(name: str) -> bool:
    return re.search(r"(?:^|\.)encoder\.(?!blocks\.)", name) is not None
