"""The task that pretrains an encoder: predict the teacher at masked patches (algorithm.md 6-8)."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from asda.model.config import ModelConfig
from asda.model.decoder import Decoder
from asda.model.encoder import Encoder
from asda.model.patches import pick


@dataclass
class PretrainOutput:
    """Losses with their weights, and how much predictions and targets vary (0-d tensors).

    A standard deviation near 0 says that the features have collapsed to a constant.
    """

    loss: Tensor
    frame_loss: Tensor
    cls_loss: Tensor
    prediction_std: Tensor
    target_std: Tensor


class Pretrainer(nn.Module):
    """A student that sees a part of each clip, a decoder, and the teacher they predict.

    Args:
        config: resolved configuration
    """

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.config = config
        self.student = Encoder(config)
        self.decoder = Decoder(config)
        self.teacher = copy.deepcopy(self.student).requires_grad_(False).eval()

    def forward(
        self, fbank: Tensor, kept: Tensor, num_frames: Tensor | None = None
    ) -> PretrainOutput:
        """Return the losses of a batch.

        Args:
            fbank: normalised features (batch, frames, mel), padded with zeros
            kept: visible patches (batch, clones, kept) int64, -1 where a clip has fewer
            num_frames: (batch,) int64 real frames, None = all
        """
        target, valid = self.targets(fbank, num_frames)
        places, weight = _masked(kept, valid, target.shape[1])
        cls, prediction = self.predict(fbank, kept, valid, places)
        masked_target = pick(target, places.flatten(1)).unflatten(1, places.shape[1:])
        scale = 1 / math.sqrt(target.shape[2])
        error = (prediction.float() - masked_target).square().sum(dim=3)
        frame_loss = scale * (error * weight).sum()
        cls_error = (cls.float() - _mean(target, valid)).square().sum(dim=2)
        reduce = torch.sum if self.config.cls_reduction == "sum" else torch.mean
        cls_loss = self.config.cls_weight * scale * reduce(cls_error)
        return PretrainOutput(
            frame_loss + cls_loss,
            frame_loss,
            cls_loss,
            _deviation(prediction.detach().float(), weight),
            _deviation(masked_target, weight),
        )

    @torch.no_grad()
    def targets(self, fbank: Tensor, num_frames: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Return the target (batch, patches, width) float32, and which patches are real.

        The mean over the top blocks of the teacher's FFN outputs, each normalised per clip and
        channel over the patches, then per patch over the channels (algorithm.md 7.2).
        """
        patches = self.teacher.patches(fbank)
        valid = None
        if num_frames is not None:
            valid = self.teacher.patches.valid(num_frames, patches.shape[1])
        total = torch.zeros_like(patches, dtype=torch.float32)
        lowest = self.config.depth - self.config.target_layers
        for index, (_, ffn) in enumerate(self.teacher.layers(patches, valid)):
            if index >= lowest:
                total += _instance_norm(ffn[:, 1:].float(), valid)
        return F.layer_norm(total / self.config.target_layers, total.shape[-1:]), valid

    def predict(
        self, fbank: Tensor, kept: Tensor, valid: Tensor | None, places: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return the student's CLS (batch, clones, width) and the decoder's output.

        The latter is (batch, clones, places, width), of the patches `places` (batch, clones,
        places) or of all.
        """
        batch, clones, _ = kept.shape
        cls, tokens, tokens_total = self.encode_kept(fbank, kept, valid is not None)
        valid = None if valid is None else valid.repeat_interleave(clones, dim=0)
        places = None if places is None else places.flatten(0, 1)
        prediction = self.decoder(tokens, kept.flatten(0, 1), valid, tokens_total, places)
        return cls.unflatten(0, (batch, clones)), prediction.unflatten(0, (batch, clones))

    def encode_kept(self, fbank: Tensor, kept: Tensor, ragged: bool) -> tuple[Tensor, Tensor, int]:
        """Run the student on visible patches.

        Returns:
            CLS (batch * clones, width), kept tokens (batch * clones, kept, width), and the number
            of patches of the padded clips.
        """
        patches = self.student.patches(fbank)
        # Rows are picked from the patches of a clip; the clip is not repeated for each clone.
        rows = torch.arange(len(kept), device=kept.device)[:, None, None]
        visible = patches[rows, kept.clamp(min=0)].flatten(0, 1)
        valid = (kept >= 0).flatten(0, 1) if ragged else None
        tokens = self.student.encode(visible, valid)
        return tokens[:, 0], tokens[:, 1:], patches.shape[1]

    @torch.no_grad()
    def update_teacher(self, decay: float) -> None:
        """Move the teacher towards the student: teacher = decay teacher + (1 - decay) student."""
        torch._foreach_lerp_(
            list(self.teacher.parameters()), list(self.student.parameters()), 1 - decay
        )

    def train(self, mode: bool = True) -> Pretrainer:
        super().train(mode)
        self.teacher.eval()
        return self


def _masked(kept: Tensor, valid: Tensor | None, tokens: int) -> tuple[Tensor, Tensor]:
    """Return patches that include the masked ones, and weights that choose those.

    Clips of one length have equally many masked patches; among others no number is known without
    waiting for the device, and all patches are returned.

    Returns:
        (batch, clones, places) int64 and float32; the weights are equal or 0, of sum 1
    """
    hidden = torch.ones(*kept.shape[:2], tokens + 1, device=kept.device)
    hidden = hidden.scatter(2, torch.where(kept < 0, tokens, kept), 0.0)[..., :tokens]
    if valid is None:
        places = hidden.argsort(dim=2, descending=True, stable=True)
        places = places[..., : tokens - kept.shape[2]]
        return places, torch.full(places.shape, 1 / places.numel(), device=kept.device)
    hidden = hidden * valid[:, None]
    return torch.arange(tokens, device=kept.device).expand_as(hidden), hidden / hidden.sum()


def _mean(x: Tensor, valid: Tensor | None) -> Tensor:
    """Return the mean over real patches, (batch, 1, width), of (batch, patches, width)."""
    if valid is None:
        return x.mean(dim=1, keepdim=True)
    weight = valid[..., None] / valid.sum(dim=1)[:, None, None]
    return (x * weight).sum(dim=1, keepdim=True)


def _instance_norm(x: Tensor, valid: Tensor | None) -> Tensor:
    """Normalise each channel of each clip over its real patches, eps 1e-5."""
    centred = x - _mean(x, valid)
    return centred * torch.rsqrt(_mean(centred.square(), valid) + 1e-5)


def _deviation(x: Tensor, weight: Tensor) -> Tensor:
    """Return the mean over channels of the deviation over weighted patches (algorithm.md 8).

    Args:
        x: (batch, clones, places, width)
        weight: (batch, clones, places), of sum 1
    """
    rows, weight = x.flatten(0, 2), weight.flatten()
    with torch.autocast(x.device.type, enabled=False):
        mean, square = weight @ rows, weight @ rows.square()
    return ((square - mean.square()).clamp(min=0) + 1e-6).sqrt().mean()
