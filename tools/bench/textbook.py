"""ASDA as the reference computes it: the baseline of `training_step.py`.

Both attention maps are materialised, patches are repeated for each mask before the visible ones are
gathered, the decoder processes and projects complete grids, and the teacher is updated in a loop
over its parameters. Tensors are named as in asda, so that the same weights fit both.
"""

from __future__ import annotations

import copy
import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from asda.model.model_config import ModelConfig, patch_grid
from asda.model.patches import sincos_positions

LAMBDA, OUTPUT_SCALE = 0.1, 0.95  # hard-coded in the reference
NORM_EPS = 1e-6


class Patches(nn.Module):
    """Strided convolution plus positions (docs/algorithm.md#patches)."""

    def __init__(self, config: ModelConfig, frames: int):
        super().__init__()
        side = config.patch.time
        self.proj = nn.Conv2d(1, config.width, side, side)
        table = sincos_positions(*patch_grid(config, frames), config.width)
        self.register_buffer("positions", table, persistent=False)

    def forward(self, fbank: Tensor) -> Tensor:
        """Return (batch, patches, width) for features (batch, frames, mel)."""
        tokens = self.proj(fbank.unsqueeze(1)).flatten(2).transpose(1, 2)
        return tokens + self.positions[: tokens.shape[1]]


class Attention(nn.Module):
    """Difference of two softmax maps times values (docs/algorithm.md#differential-attention)."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.qk = nn.Linear(width, 4 * width)
        self.v = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        batch, tokens, width = x.shape
        head = width // self.heads
        parts = self.qk(x).reshape(batch, tokens, 4, self.heads, head).permute(2, 0, 3, 1, 4)
        q1, q2, k1, k2 = parts.unbind(0)
        v = self.v(x).reshape(batch, tokens, self.heads, head).permute(0, 2, 1, 3)
        first = self._map(q1, k1)
        second = self._map(q2, k2)
        out = ((first - LAMBDA * second) @ v).transpose(1, 2).reshape(batch, tokens, width)
        return self.proj(self.norm(out) * OUTPUT_SCALE)

    @staticmethod
    def _map(q: Tensor, k: Tensor) -> Tensor:
        scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-2, -1)
        return scores.softmax(dim=-1, dtype=torch.float32).to(scores.dtype)


class Mlp(nn.Module):
    def __init__(self, width: int, hidden: int):
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x)))


class Block(nn.Module):
    """Attention and MLP with norms after the residual sums (docs/algorithm.md#block)."""

    def __init__(self, config: ModelConfig, drop_path: float):
        super().__init__()
        self.drop_path = drop_path
        self.attn = Attention(config.width, config.heads)
        self.norm1 = nn.LayerNorm(config.width, eps=NORM_EPS)
        self.mlp = Mlp(config.width, int(config.mlp_ratio * config.width))
        self.norm2 = nn.LayerNorm(config.width, eps=NORM_EPS)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return tokens and the MLP's own output."""
        x = self.norm1(x + self._drop(self.attn(x)))
        ffn = self.mlp(x)
        return self.norm2(x + self._drop(ffn)), ffn

    def _drop(self, branch: Tensor) -> Tensor:
        if not self.training or self.drop_path == 0:
            return branch
        keep = branch.new_empty(len(branch), 1, 1).bernoulli_(1 - self.drop_path)
        return branch * keep.div_(1 - self.drop_path)


class Encoder(nn.Module):
    """Patches, CLS token, norm and blocks."""

    def __init__(self, config: ModelConfig, frames: int, drop_path: float = 0.0):
        super().__init__()
        self.patches = Patches(config, frames)
        self.cls_token = nn.Parameter(torch.randn(1, 1, config.width))
        self.norm = nn.LayerNorm(config.width, eps=NORM_EPS)
        rates = torch.linspace(0, drop_path, config.depth).tolist()
        self.blocks = nn.ModuleList(Block(config, rate) for rate in rates)

    def forward(self, fbank: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return the tokens of unmasked clips, CLS first, and the FFN output of each block."""
        return self.encode(self.patches(fbank))

    def encode(self, tokens: Tensor) -> tuple[Tensor, list[Tensor]]:
        cls = self.cls_token.expand(len(tokens), -1, -1)
        tokens = self.norm(torch.cat([cls, tokens], dim=1))
        outputs = []
        for block in self.blocks:
            tokens, ffn = block(tokens)
            outputs.append(ffn)
        return tokens, outputs


class Decoder(nn.Module):
    """Convolutions over the complete grid, channels first (docs/algorithm.md#decoder)."""

    def __init__(self, config: ModelConfig, frames: int):
        super().__init__()
        decoder, width = config.decoder, config.width
        self.grid = patch_grid(config, frames)
        self.convs = nn.ModuleList(
            nn.Conv2d(
                width, width, decoder.kernel, padding=decoder.kernel // 2, groups=decoder.groups
            )
            for _ in range(decoder.layers)
        )
        self.proj = nn.Linear(width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return (batch, patches, width): tokens, and noise at masked patches."""
        batch, patches, width = tokens.shape
        x = tokens.transpose(1, 2).reshape(batch, width, *self.grid)
        for conv in self.convs:
            normed = F.layer_norm(conv(x).transpose(1, 3), (width,)).transpose(1, 3)
            x = F.gelu(normed) + x
        return self.proj(x.reshape(batch, width, patches).transpose(1, 2))


class Pretrainer(nn.Module):
    """Student, decoder and teacher for clips of exactly `frames` frames.

    Args:
        config: resolved configuration in the reference's form
    """

    def __init__(self, config: ModelConfig, frames: int):
        super().__init__()
        self.config = config
        self.student = Encoder(config, frames)
        self.decoder = Decoder(config, frames)
        self.teacher = copy.deepcopy(self.student).requires_grad_(False).eval()

    def forward(self, fbank: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return the weighted frame and CLS losses (docs/algorithm.md#losses).

        Args:
            fbank: (batch, frames, mel)
            mask: (batch * num_masks, patches) uint8, 1 = masked, as the reference's loader gives it
        """
        num_masks = self.config.num_masks
        cls, prediction = self.predict(fbank, mask)
        target = self.targets(fbank)
        mean = target.mean(dim=1).repeat_interleave(num_masks, 0)
        target = target.repeat_interleave(num_masks, 0)
        masked = mask.bool()
        scale = 1 / math.sqrt(self.config.width)
        frame_loss = F.mse_loss(prediction[masked].float(), target[masked], reduction="none")
        cls_loss = F.mse_loss(cls.float(), mean, reduction="none")
        weight = self.config.cls_weight * scale
        return frame_loss.sum() * scale / masked.sum(), cls_loss.sum() * weight

    @torch.no_grad()
    def targets(self, fbank: Tensor) -> Tensor:
        """Return (batch, patches, width) float32 (docs/algorithm.md#targets)."""
        _, outputs = self.teacher(fbank)
        outputs = [ffn[:, 1:].float().transpose(1, 2) for ffn in outputs]
        outputs = [F.instance_norm(ffn).transpose(1, 2) for ffn in outputs]
        mean = sum(outputs) / len(outputs)
        return F.layer_norm(mean, mean.shape[-1:])

    def predict(self, fbank: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return the student's CLS (batch * num_masks, width) and the decoder's complete output."""
        tokens, restore = self.encode_visible(fbank, mask)
        return tokens[:, 0], self.decoder(self._fill(tokens[:, 1:], restore))

    def encode_visible(self, fbank: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return the student's tokens, CLS first, and the position of each patch among them."""
        tokens = self.student.patches(fbank).repeat_interleave(self.config.num_masks, 0)
        order = mask.argsort(dim=1)
        visible = order[:, : mask.shape[1] - int(mask[0].sum())]
        visible = visible.unsqueeze(-1).expand(-1, -1, tokens.shape[-1])
        tokens, _ = self.student.encode(tokens.gather(1, visible))
        return tokens, order.argsort(dim=1)

    def _fill(self, tokens: Tensor, restore: Tensor) -> Tensor:
        batch, visible, width = tokens.shape
        noise = tokens.new_empty(batch, restore.shape[1] - visible, width)
        noise.normal_(0, self.config.decoder.mask_noise)
        tokens = torch.cat([tokens, noise], dim=1)
        return tokens.gather(1, restore.unsqueeze(-1).expand(-1, -1, width))

    @torch.no_grad()
    def update_teacher(self, decay: float) -> None:
        """Update the teacher parameter by parameter (docs/algorithm.md#ema-teacher)."""
        student = dict(self.student.named_parameters())
        for name, parameter in self.teacher.named_parameters():
            parameter.mul_(decay).add_(student[name], alpha=1 - decay)


class Classifier(nn.Module):
    """Encoder, CLS token, norm and linear head (docs/algorithm.md#fine-tuning)."""

    def __init__(self, config: ModelConfig, num_classes: int, frames: int, drop_path: float = 0.0):
        super().__init__()
        self.encoder = Encoder(config, frames, drop_path)
        self.fc_norm = nn.LayerNorm(config.width, eps=NORM_EPS)
        self.head = nn.Linear(config.width, num_classes)

    def forward(self, fbank: Tensor) -> Tensor:
        """Return logits (batch, classes)."""
        tokens, _ = self.encoder(fbank)
        return self.head(self.fc_norm(tokens[:, 0]))


def make_optimizer(model: nn.Module, lr: float) -> torch.optim.AdamW:
    """Return AdamW that updates parameters one by one (docs/algorithm.md#optimiser)."""
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return torch.optim.AdamW(
        parameters, lr, (0.9, 0.95), weight_decay=0.05, foreach=False, fused=False
    )
