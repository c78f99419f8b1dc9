"""The task that pretrains an encoder: predict the teacher at masked patches (algorithm.md 6-8)."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from asda.kernels.chunked_loss import sum_over_parts
from asda.model.decoder import Decoder
from asda.model.encoder import Encoder
from asda.model.model_config import ModelConfig
from asda.model.patches import mean_of_real

CACHED_BYTES = 2**22  # of a grid of the decoder, where it works on parts of a batch


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
            kept: visible patches (batch, num_masks, kept) int64, -1 where a clip has fewer
            num_frames: (batch,) int64 real frames, None = all
        """
        target, valid = self.targets(fbank, num_frames)
        places, weight = _masked(kept, valid, target.shape[1])
        cls, tokens, _ = self.encode_visible(fbank, kept, valid is not None)
        frame_loss, *moments = self._frame_loss(tokens, kept, valid, target, places, weight)
        cls = cls.unflatten(0, kept.shape[:2]).float()
        cls_error = (cls - mean_of_real(target, valid)).square()
        reduce = torch.sum if self.config.cls_reduction == "sum" else torch.mean
        scale = self.config.cls_weight / math.sqrt(target.shape[2])
        cls_loss = scale * reduce(cls_error.sum(dim=2))
        of_patches = torch.zeros_like(target[..., 0])
        of_patches = of_patches.scatter_add(1, places.flatten(1), weight.flatten(1))
        return PretrainOutput(
            frame_loss + cls_loss,
            frame_loss,
            cls_loss,
            _deviation(*moments),
            _deviation(*_moments(target, of_patches)),
        )

    def _frame_loss(
        self,
        tokens: Tensor,
        kept: Tensor,
        valid: Tensor | None,
        target: Tensor,
        places: Tensor,
        weight: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the loss of the decoder's predictions, and their moments; see `_moments`.

        Args:
            tokens: the student's output (batch * num_masks, kept, width)
            kept: their places (batch, num_masks, kept)
            valid: (batch, patches), or None
            target: (batch, patches, width)
            places: patches to predict (batch, num_masks, places)
            weight: their weights, of the same shape
        """
        clips = torch.arange(len(kept), device=kept.device).repeat_interleave(kept.shape[1])
        kept, places, weight = kept.flatten(0, 1), places.flatten(0, 1), weight.flatten(0, 1)
        scale = 1 / math.sqrt(target.shape[2])

        def of_part(tokens: Tensor, part: slice) -> tuple[Tensor, Tensor, Tensor]:
            clip = clips[part]
            real = None if valid is None else valid[clip]
            predicted = self.decoder(tokens, kept[part], real, target.shape[1], places[part])
            error = (predicted.float() - target[clip[:, None], places[part]]).square().sum(dim=2)
            moments = _moments(predicted.detach().float(), weight[part])
            return scale * (error * weight[part]).sum(), *moments

        if tokens.device.type != "cpu" or torch.get_autocast_dtype("cpu") == torch.float16:
            return of_part(tokens, slice(None))
        step = max(1, CACHED_BYTES // (target[0].numel() * tokens.element_size()))
        parts = [slice(first, first + step) for first in range(0, len(tokens), step)]
        return sum_over_parts(of_part, parts, tokens, list(self.decoder.parameters()))

    @torch.no_grad()
    def targets(self, fbank: Tensor, num_frames: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Return the target (batch, patches, width) float32, and which patches are real.

        The mean over the top blocks of the teacher's FFN outputs, each normalised as `target_norm`
        says, then per patch over the channels (algorithm.md 7.2).
        """
        patches, valid = self.teacher.enter(fbank, num_frames)
        total = torch.zeros_like(patches, dtype=torch.float32)
        lowest = self.config.depth - self.config.target_layers
        for index, (_, ffn) in enumerate(self.teacher.layers(patches, valid)):
            if index >= lowest:
                total += self._normalised(ffn[:, 1:].float(), valid)
        return F.layer_norm(total / self.config.target_layers, total.shape[-1:]), valid

    def _normalised(self, ffn: Tensor, valid: Tensor | None) -> Tensor:
        if self.config.target_norm == "patch":
            return F.layer_norm(ffn, ffn.shape[-1:])
        return _instance_norm(ffn, valid)

    def predict(self, fbank: Tensor, kept: Tensor, valid: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return the student's CLS (batch, num_masks, width) and the decoder's output.

        The latter is (batch, num_masks, patches, width).
        """
        batch, num_masks, _ = kept.shape
        cls, tokens, tokens_total = self.encode_visible(fbank, kept, valid is not None)
        valid = None if valid is None else valid.repeat_interleave(num_masks, dim=0)
        prediction = self.decoder(tokens, kept.flatten(0, 1), valid, tokens_total)
        return cls.unflatten(0, (batch, num_masks)), prediction.unflatten(0, (batch, num_masks))

    def encode_visible(
        self, fbank: Tensor, kept: Tensor, ragged: bool
    ) -> tuple[Tensor, Tensor, int]:
        """Run the student on visible patches.

        Returns:
            CLS (batch * num_masks, width), kept tokens (batch * num_masks, kept, width), and the
            number of patches of the padded clips.
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
        (batch, num_masks, places) int64 and float32; the weights are equal or 0, of sum 1,
        or all 0 where clips of one patch have nothing to mask
    """
    hidden = torch.ones(*kept.shape[:2], tokens + 1, device=kept.device)
    hidden = hidden.scatter(2, torch.where(kept < 0, tokens, kept), 0.0)[..., :tokens]
    if valid is None:
        places = hidden.argsort(dim=2, descending=True, stable=True)
        places = places[..., : tokens - kept.shape[2]]
        return places, torch.full(places.shape, 1 / max(1, places.numel()), device=kept.device)
    hidden = hidden * valid[:, None]
    places = torch.arange(tokens, device=kept.device).expand_as(hidden)
    return places, hidden / hidden.sum().clamp(min=1)


def _instance_norm(x: Tensor, valid: Tensor | None) -> Tensor:
    """Normalise each channel of each clip over its real patches, eps 1e-5."""
    centred = x - mean_of_real(x, valid)
    return centred * torch.rsqrt(mean_of_real(centred.square(), valid) + 1e-5)


def _moments(x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Return the weighted sums (width,) of patches (batch, places, width) and of their squares."""
    rows, weight = x.flatten(0, 1), weight.flatten()
    with torch.autocast(x.device.type, enabled=False):
        return weight @ rows, weight @ rows.square()


def _deviation(mean: Tensor, square: Tensor) -> Tensor:
    """Return the mean over channels of the deviation over patches (algorithm.md 8)."""
    return ((square - mean.square()).clamp(min=0) + 1e-6).sqrt().mean()
