"""The implementations that training_step.py compares, and their steps on clips of noise."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import textbook
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from asda.kernels.recompute import recompute_where_it_pays
from asda.model.block import Block
from asda.model.classifier import Classifier
from asda.model.masking import sample_visible
from asda.model.model_config import ModelConfig, patch_grid
from asda.model.pretrainer import Pretrainer
from asda.training.optimizer import make_optimizer
from asda.training.run_config import OptimizerConfig

FRAMES, CLASSES = 1024, 527


@dataclass
class Form:
    """One of the implementations compared; `compiled` are options of torch.compile."""

    name: str
    asda: bool
    dtype: torch.dtype
    compiled: dict[str, Any] | None = None


# Student and teacher have other numbers of tokens, which must not make all sizes variable.
FIXED_SHAPES = {"dynamic": False}
ASDA_BF16 = Form("asda bf16", True, torch.bfloat16)
FORMS = {
    "cpu": [
        Form("textbook", False, torch.float32),
        Form("asda", True, torch.float32),
        ASDA_BF16,
    ],
    "cuda": [
        Form("textbook bf16", False, torch.bfloat16),
        ASDA_BF16,
        Form("compiled", True, torch.bfloat16, FIXED_SHAPES),
        Form("CUDA graphs", True, torch.bfloat16, FIXED_SHAPES | {"mode": "reduce-overhead"}),
    ],
    "dry": [
        Form("textbook bf16", False, torch.bfloat16),
        ASDA_BF16,
        Form("traced", True, torch.bfloat16, FIXED_SHAPES | {"backend": "aot_eager"}),
    ],
}


def model_config(size: str) -> ModelConfig:
    """Return the configuration of a model size in the reference's form."""
    return ModelConfig(size=size, cls_reduction="sum").resolved()


def pretraining(config: ModelConfig, clips: int, device: str, form: Form) -> Callable[[], None]:
    """Return a pretraining step on clips with `config.num_masks` masks each."""
    fbank = torch.randn(clips, FRAMES, config.mel_bins, device=device)
    patches = math.prod(patch_grid(config, FRAMES))
    visible = masks(config, clips).to(device)
    if form.asda:
        model = compiled(Pretrainer(config).to(device).train(), form)
        return update(model, lambda: model(fbank, visible).loss, form)
    model = textbook.Pretrainer(config, FRAMES).to(device).train()
    mask = torch.ones(clips * config.num_masks, patches, dtype=torch.uint8, device=device)
    mask = mask.scatter(1, visible.flatten(0, 1), 0)
    return update(model, lambda: sum(model(fbank, mask)), form)


def masks(config: ModelConfig, clips: int, frames: int = FRAMES) -> Tensor:
    """Return the visible patches (clips, num_masks, visible)."""
    grid, rng = patch_grid(config, frames), np.random.default_rng(0)
    visible = [sample_visible(*grid, config.num_masks, config.mask, rng) for _ in range(clips)]
    return torch.from_numpy(np.stack(visible))


def compiled(model: nn.Module, form: Form) -> nn.Module:
    """Return the model, whose blocks are compiled if the form says so: one after the other, since
    all are alike, and compiling one serves all.
    """
    for module in model.modules() if form.compiled else ():
        if isinstance(module, Block):
            module.compile(**form.compiled)
    return model


def finetuning(config: ModelConfig, clips: int, device: str, form: Form) -> Callable[[], None]:
    """Return a fine-tuning step."""
    model, fbank = classifier(config, clips, device, form)
    labels = torch.randint(2, (clips, CLASSES), device=device).float()
    model.train()
    return update(
        model, lambda: F.binary_cross_entropy_with_logits(model(fbank).float(), labels), form
    )


def inference(config: ModelConfig, clips: int, device: str, form: Form) -> Callable[[], Tensor]:
    """Return a function that computes logits of clips."""
    model, fbank = classifier(config, clips, device, form)
    model.eval()
    return torch.no_grad()(lambda: model(fbank))


def classifier(
    config: ModelConfig, clips: int, device: str, form: Form
) -> tuple[nn.Module, Tensor]:
    fbank = torch.randn(clips, FRAMES, config.mel_bins, device=device)
    if form.asda:
        return compiled(Classifier(config, CLASSES, "cls").to(device), form), fbank
    return textbook.Classifier(config, CLASSES, FRAMES).to(device), fbank


def update(model: nn.Module, loss: Callable[..., Tensor], form: Form) -> Callable[..., None]:
    """Return a training step for a loss, which gets the arguments of the step."""
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    context: Callable[[], AbstractContextManager] = nullcontext
    if form.asda:
        optimizer = make_optimizer(model, OptimizerConfig())
        if not form.compiled:  # as the training loop does
            context = recompute_where_it_pays(model)
    else:
        optimizer = textbook.make_optimizer(model, 1e-4)

    def step(*batch: Tensor) -> None:
        if form.compiled:
            torch.compiler.cudagraph_mark_step_begin()
        if hasattr(model, "update_teacher"):
            model.update_teacher(0.9998)
        with context():
            loss(*batch).backward()
        nn.utils.clip_grad_norm_(parameters, 4.0, foreach=form.asda)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return step
