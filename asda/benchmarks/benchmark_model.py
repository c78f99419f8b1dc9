"""A trained model as benchmarks call it: clips in memory become vectors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from asda.checkpoint.saved_model import WhichEncoder
from asda.configuration import build, to_dict
from asda.digests import file_digest, value_digest
from asda.inference.computations import Frequency
from asda.inference.loading import load
from asda.inference.stitching import Frames
from asda.model.model_config import Pooling

Clip = tuple[Tensor, int]  # mono samples (samples,) float32 in [-1, 1], and their rate in Hz


@dataclass
class VectorSettings:
    """Which vectors a benchmark gets.

    Args:
        pooling: of a clip's vector: "cls", "mean" or "statistics" (null = as the classifier does,
            or the mean for an encoder)
        layers: number of a layer (0 = the patch embeddings, -1 = the last), several whose vectors
            are concatenated, or {number: weight} for their weighted sum
        frequency: "mean" over the patches of one time, or "concatenate" them, for vectors over time
        encoder: which encoder of a pretrained model
        precision: number format of the network; vectors are float32
    """

    pooling: Pooling | None = None
    layers: int | list[int] | dict[int, float] = -1
    frequency: Frequency = "mean"
    encoder: WhichEncoder = "student"
    precision: Literal["float32", "bf16", "fp16"] = "float32"


class BenchmarkModel(nn.Module):
    """Clips of any lengths become vectors that do not depend on other clips.

    Long clips are computed in windows; a clip that is shorter than one frame of the features is
    filled up with zeros.

    Args:
        path: as in `asda.load`
        device: "cpu", "cuda" or "auto"
        options: of `VectorSettings`

    Attributes:
        model: the `AudioModel`
        settings: which vectors it gives
        scene_embedding_size: width of the vector of a clip
        timestamp_embedding_size: width of the vectors over time
        digest: changes with the model and with the settings

    Raises:
        InputError: if the file is no model, or an option does not fit it.
    """

    def __init__(self, path: str | Path, device: str = "cpu", **options: Any):
        super().__init__()
        self.settings = settings = build(VectorSettings, options, "options of the benchmark model")
        self.model = load(path, device, settings.precision, settings.encoder)
        self.digest = value_digest([file_digest(self.model.saved.path), to_dict(settings)])
        silence = [(torch.zeros(self.model.fbank.config.frame_length), self.sample_rate)]
        self.scene_embedding_size = self.embed(silence).shape[-1]
        self.timestamp_embedding_size = self.frames(silence).features.shape[-1]

    @property
    def sample_rate(self) -> int:
        """Sample rate in Hz, to which audio of other rates is resampled."""
        return self.model.sample_rate

    @property
    def hop(self) -> float:
        """Seconds from one of the vectors over time to the next."""
        return self.model.saved.config.patch.time_stride * self.model.frame_shift

    def embed(self, clips: Sequence[Clip]) -> Tensor:
        """Return one vector per clip (clips, scene_embedding_size) float32 on the CPU.

        Raises:
            AudioError: if samples are NaN or infinite.
        """
        return self.model.embed(
            self._long_enough(clips), pooling=self.settings.pooling, layers=self.settings.layers
        )

    def frames(self, clips: Sequence[Clip]) -> Frames:
        """Return vectors over time on the CPU.

        Raises:
            AudioError: if samples are NaN or infinite.
        """
        return self.model.frames(
            self._long_enough(clips),
            layers=self.settings.layers,
            frequency=self.settings.frequency,
        )

    def _long_enough(self, clips: Sequence[Clip]) -> list[tuple[np.ndarray, int]]:
        frame = self.model.fbank.config.frame_length / self.sample_rate
        filled = []
        for clip, rate in clips:
            samples = clip.detach().cpu().float().numpy()
            missing = math.ceil(frame * rate) - len(samples)
            filled.append((np.pad(samples, (0, max(0, missing))), rate))
        return filled
