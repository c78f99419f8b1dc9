"""What is exported: a network with everything between its inputs and its outputs."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from asda.export.log_mel import LogMel
from asda.features.clip_range import ClipRange
from asda.inference.audio_model import AudioModel
from asda.inference.computations import encoder_of
from asda.model.classifier import Classifier
from asda.model.heads import Head
from asda.model.pooling import pool, take_layers

FRONT_END = "log_mel."  # names of the constants of the front end begin with it


class ExportedModel(nn.Module):
    """Waveforms or log-mel features to logits, embeddings and frame embeddings.

    Args:
        model: as asda uses it
        inputs: "waveform" or "features"

    Attributes:
        outputs: names of what `forward` returns, in order
        shortest: shortest input, in samples or frames, that every exporter can follow: two patches,
            or two frames where clips are filled up to a fixed length
        longest: longest input that the network was trained on, in samples or frames

    Raises:
        InputError: if it shall take waveforms, and the features it was trained on are not recorded.
    """

    def __init__(self, model: AudioModel, inputs: str):
        super().__init__()
        self.network: Any = model.network
        self.encoder = encoder_of(model.network)
        self.log_mel = LogMel(model.fbank.config) if inputs == "waveform" else None
        self.normalization = model.normalization
        self.fill_to = model.fill[0] if model.fill else None
        self.depth, self.mel_bins = model.saved.config.depth, model.saved.config.mel_bins
        has_head = isinstance(model.network, Head)
        self.outputs = (*(["logits"] if has_head else []), "embedding", "frames", "valid")
        self.shortest = self._length(2 if model.fill else model.saved.config.patch.time + 1)
        self.longest = self._length(model.data.max_frames)

    def _length(self, frames: int) -> int:
        """Return how many samples, or frames, make a number of frames."""
        if self.log_mel is None:
            return frames
        config = self.log_mel.config
        return config.frame_length + (frames - 1) * config.frame_shift

    def example(self) -> tuple[Tensor, Tensor]:
        """Return arguments of `forward` that tracers follow: a batch of two clips."""
        length = 2 * self.shortest
        shape = (2, length) if self.log_mel is not None else (2, length, self.mel_bins)
        return torch.zeros(shape), torch.tensor([length, self.shortest])

    def forward(self, signal: Tensor, lengths: Tensor) -> tuple[Tensor, ...]:
        """Return the tensors that `outputs` names.

        Args:
            signal: waveforms (batch, samples) float32 or log-mel features (batch, frames, mel)
                float32, padded at the end with anything
            lengths: (batch,) int64 valid samples or frames

        Returns:
            "logits" (batch, classes) of a model with a head; "embedding" (batch, width), as
            `AudioModel.embed` computes it; "frames" (batch, time, width), as `AudioModel.frames`;
            "valid" (batch, time) bool, which of these contain sound of the clip.
        """
        log_mel, num_frames = (
            (signal, lengths) if self.log_mel is None else self.log_mel(signal, lengths)
        )
        features, known = self._normalised(log_mel, num_frames)
        network, patches = self.network, self.encoder.patches
        is_classifier = isinstance(network, Classifier)
        wanted = {self.depth, *(network.pooled_layers if is_classifier else ())}
        layers = take_layers(self.encoder.layers(features, known), wanted)
        last = layers[self.depth]
        frames = last.patches.unflatten(1, (-1, patches.num_freq)).mean(2)
        valid = patches.valid(num_frames, last.patches.shape[1])[:, :: patches.num_freq]
        if is_classifier:
            logits = network.classify(network.pool(layers))
            return logits, pool(last, network.pooling), frames, valid
        embedding = pool(last, "mean")
        if isinstance(network, Head):  # of a plugin: how it uses the encoder is not known here
            return network(features, known), embedding, frames, valid
        return embedding, frames, valid

    def _normalised(self, log_mel: Tensor, num_frames: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return features as in training, and the valid frames that the network is given."""
        if self.fill_to is None:
            return _masked(self._scaled(log_mel, num_frames), num_frames), num_frames
        filled = F.pad(log_mel, (0, 0, 0, self.fill_to))[:, : self.fill_to]
        if isinstance(self.normalization, ClipRange):  # fills up after normalisation
            return _masked(self._scaled(filled, num_frames), num_frames), None
        return self._scaled(_masked(filled, num_frames), num_frames), None

    def _scaled(self, log_mel: Tensor, num_frames: Tensor) -> Tensor:
        if isinstance(self.normalization, ClipRange):
            return _ranged(log_mel, num_frames, self.normalization.log_range)
        return self.normalization.scale * log_mel + self.normalization.offset


def _ranged(log_mel: Tensor, num_frames: Tensor, log_range: float) -> Tensor:
    """Return what `ClipRange` computes of the valid frames of each clip (batch, frames, mel)."""
    valid = _is_valid(log_mel, num_frames)
    high = torch.where(valid, log_mel, -torch.inf).amax((1, 2), keepdim=True)
    low = torch.where(valid, log_mel, torch.inf).amin((1, 2), keepdim=True)
    low = torch.maximum(low, high - log_range)
    scale = torch.where(high > low, 1 / (high - low), 0.0)
    return (torch.maximum(log_mel, low) - low) * scale


def _is_valid(features: Tensor, num_frames: Tensor) -> Tensor:
    """Return (batch, frames, 1) bool, false where a row of (batch, frames, mel) is padding."""
    rows = torch.arange(features.shape[1], device=features.device)
    return (rows < num_frames[:, None])[..., None]


def _masked(features: Tensor, num_frames: Tensor) -> Tensor:
    """Return features (batch, frames, mel) with zeros in place of padding."""
    return torch.where(_is_valid(features, num_frames), features, 0.0)
