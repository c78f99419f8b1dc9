"""The pretraining objective: predict the EMA teacher's features at masked patches."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from asda.kernels.chunked_loss import chunked_loss
from asda.model.decoder_kinds import make_decoder
from asda.model.encoder import Encoder
from asda.model.model_config import ResolvedModel, patch_grid
from asda.model.monitor import mean_std, weighted_moments
from asda.model.patches import valid_mean

INSTANCE_NORM_EPS = 1e-5


@dataclass
class PretrainOutput:
    """Losses with their weights, and how much predictions and targets vary (0-d tensors).

    A standard deviation near 0 means that the features have collapsed to a constant. The frame loss
    is a mean over `num_targets` predicted patches.
    """

    frame_loss: Tensor
    cls_loss: Tensor
    num_targets: Tensor
    prediction_std: Tensor
    target_std: Tensor

    @property
    def loss(self) -> Tensor:
        return self.frame_loss + self.cls_loss

    def numbers(self) -> dict[str, Tensor]:
        """Return the numbers to report."""
        names = ("frame_loss", "cls_loss", "prediction_std", "target_std")
        return {name: getattr(self, name) for name in names}


@dataclass
class Views:
    """The masked views of a batch: one row for each clip and mask.

    Attributes:
        clip: the clip of each view (rows,)
        visible: patches that the student sees (rows, visible), -1 where a clip has fewer
        target_idx: patches that are predicted (rows, targets)
        weight: weight of each predicted patch in the loss (rows, targets); weights sum to 1 over
            all views, or to 0 if no clip has a masked patch
    """

    clip: Tensor
    visible: Tensor
    target_idx: Tensor
    weight: Tensor

    def __getitem__(self, rows: slice) -> Views:
        return Views(*(tensor[rows] for tensor in vars(self).values()))


class Pretrainer(nn.Module):
    """A student that sees a part of each clip, a decoder, and the EMA teacher whose features they
    predict.

    Args:
        config: resolved configuration
    """

    def __init__(self, config: ResolvedModel):
        super().__init__()
        self.config = config
        self.student = Encoder(config)
        self.decoder = make_decoder(config)
        self.teacher = copy.deepcopy(self.student).requires_grad_(False).eval()

    def forward(
        self, fbank: Tensor, visible: Tensor, num_frames: Tensor | None = None
    ) -> PretrainOutput:
        """Return the losses of a batch (docs/algorithm.md#losses).

        Args:
            fbank: normalised features (batch, frames, mel), padded with zeros
            visible: visible patches (batch, num_masks, visible) int64, -1 where a clip has fewer
            num_frames: (batch,) int64 valid frames, None = all
        """
        targets, valid = self.targets(fbank, num_frames)  # (batch, patches, width)
        views = masked_views(visible, valid, targets.shape[1])
        cls, tokens = self.encode_visible(fbank, visible, ragged=valid is not None)

        def prediction_loss(tokens: Tensor, rows: slice) -> tuple[Tensor, Tensor, Tensor]:
            view = views[rows]
            valid_patches = None if valid is None else valid[view.clip]
            predictions = self.decoder(
                tokens, view.visible, targets.shape[1], valid_patches, view.target_idx
            )
            loss = _masked_error(predictions, targets, view)
            return loss, *weighted_moments(predictions, view.weight)

        row_bytes = targets[0].numel() * tokens.element_size()
        frame_loss, *moments = chunked_loss(
            prediction_loss, tokens, list(self.decoder.parameters()), row_bytes
        )
        cls_loss = self._cls_loss(cls.unflatten(0, visible.shape[:2]), targets, valid)
        spread = mean_std(*moments), _target_std(targets, views, visible.shape[1])
        num_targets = (views.weight > 0).sum()
        return PretrainOutput(frame_loss, cls_loss, num_targets, *spread)

    @torch.no_grad()
    def targets(self, fbank: Tensor, num_frames: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Return the targets (batch, patches, width) float32, and which patches are valid.

        The mean over the teacher's top blocks of the MLP outputs, or of the blocks' own outputs
        (`target_output`), each normalised as `target_norm` says, and then normalised per patch over
        the channels (docs/algorithm.md#targets).
        """
        patches, valid = self.teacher.embed_patches(fbank, num_frames)
        total = torch.zeros_like(patches, dtype=torch.float32)
        lowest = self.config.depth - self.config.target_layers
        whole = self.config.target_output == "block"
        for index, (tokens, ffn) in enumerate(self.teacher.hidden_states(patches, valid)):
            if index >= lowest:
                output = tokens if whole else ffn
                total += self._normalised(output[:, 1:].float(), valid)  # without CLS
        return F.layer_norm(total / self.config.target_layers, total.shape[-1:]), valid

    def _normalised(self, output: Tensor, valid: Tensor | None) -> Tensor:
        if self.config.target_norm == "patch":
            return F.layer_norm(output, output.shape[-1:])
        return _instance_norm(output, valid)

    def encode_visible(self, fbank: Tensor, visible: Tensor, ragged: bool) -> tuple[Tensor, Tensor]:
        """Run the student on the visible patches of each view.

        Returns:
            CLS (batch * num_masks, width) and tokens (batch * num_masks, visible, width)
        """
        patches = self.student.patches(fbank)
        # Visible patches are picked from a clip's patches; the clip is not repeated for each mask.
        clips = torch.arange(visible.shape[0], device=visible.device)[:, None, None]
        picked = patches[clips, visible.clamp(min=0)].flatten(0, 1)
        valid = (visible >= 0).flatten(0, 1) if ragged else None
        tokens = self.student.encode(picked, valid)
        return tokens[:, 0], tokens[:, 1:]

    def predict(
        self, fbank: Tensor, visible: Tensor, valid: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Return the student's and the decoder's output for each view, at all patches.

        Returns:
            CLS (batch, num_masks, width) and predictions (batch, num_masks, patches, width)
        """
        views = visible.shape[:2]
        cls, tokens = self.encode_visible(fbank, visible, ragged=valid is not None)
        if valid is not None:
            valid = valid.repeat_interleave(views[1], dim=0)
        num_patches = math.prod(patch_grid(self.config, fbank.shape[1]))
        predictions = self.decoder(tokens, visible.flatten(0, 1), num_patches, valid)
        return cls.unflatten(0, views), predictions.unflatten(0, views)

    def _cls_loss(self, cls: Tensor, targets: Tensor, valid: Tensor | None) -> Tensor:
        """Return the squared error of CLS (batch, num_masks, width) against the mean target."""
        error = (cls.float() - valid_mean(targets, valid)).square().sum(dim=2)
        reduce = torch.sum if self.config.cls_reduction == "sum" else torch.mean
        return self.config.cls_weight / math.sqrt(targets.shape[2]) * reduce(error)

    @torch.no_grad()
    def update_teacher(self, decay: float) -> None:
        """Move the EMA teacher: teacher = decay * teacher + (1 - decay) * student.

        (docs/algorithm.md#ema-teacher)
        """
        # One call for all tensors; not public in torch (checked with 2.11 to 2.14).
        torch._foreach_lerp_(
            list(self.teacher.parameters()), list(self.student.parameters()), 1 - decay
        )

    def train(self, mode: bool = True) -> Pretrainer:
        super().train(mode)
        self.teacher.eval()
        return self


def masked_views(visible: Tensor, valid: Tensor | None, num_patches: int) -> Views:
    """Return the views of a batch, with the masked patches as targets.

    Args:
        visible: (batch, num_masks, visible) int64, -1 where a clip has fewer
        valid: (batch, patches) bool; None = all patches are valid
    """
    clip = torch.arange(visible.shape[0], device=visible.device)
    clip = clip.repeat_interleave(visible.shape[1])
    masked = torch.ones(*visible.shape[:2], num_patches + 1, device=visible.device)
    masked.scatter_(2, torch.where(visible < 0, num_patches, visible), 0.0)
    masked = masked[..., :num_patches]  # (batch, num_masks, patches), 1 where masked
    if valid is None:  # all clips have equally many masked patches
        target_idx = masked.argsort(dim=2, descending=True, stable=True)
        target_idx = target_idx[..., : num_patches - visible.shape[2]]
        weight = torch.full(target_idx.shape, 1 / max(1, target_idx.numel()), device=visible.device)
    else:
        # The number of masked patches is known on the device only, and asking for it would make
        # the CPU wait: all patches are predicted, and those that are not masked weigh 0.
        masked = masked * valid[:, None]
        target_idx = torch.arange(num_patches, device=visible.device).expand_as(masked)
        weight = masked / masked.sum().clamp(min=1)
    return Views(clip, *(tensor.flatten(0, 1) for tensor in (visible, target_idx, weight)))


def _masked_error(predictions: Tensor, targets: Tensor, views: Views) -> Tensor:
    """Return the weighted squared error over √width, a sum over views.

    Args:
        predictions: (rows, targets, width)
        targets: (batch, patches, width)
    """
    expected = targets[views.clip[:, None], views.target_idx]  # (rows, targets, width)
    error = (predictions.float() - expected).square().sum(dim=2)
    return 1 / math.sqrt(targets.shape[2]) * (error * views.weight).sum()


def _target_std(targets: Tensor, views: Views, num_masks: int) -> Tensor:
    """Return the spread of the targets (batch, patches, width), weighted as in the loss."""
    weight = torch.zeros_like(targets[..., 0])
    by_clip = views.target_idx.unflatten(0, (-1, num_masks)).flatten(1)
    weight = weight.scatter_add(1, by_clip, views.weight.unflatten(0, (-1, num_masks)).flatten(1))
    return mean_std(*weighted_moments(targets, weight))


def _instance_norm(x: Tensor, valid: Tensor | None) -> Tensor:
    """Normalise each channel of each clip over its valid patches (batch, patches, width)."""
    centred = x - valid_mean(x, valid)
    variance = valid_mean(centred.square(), valid)
    return centred * torch.rsqrt(variance + INSTANCE_NORM_EPS)
