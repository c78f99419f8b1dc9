"""What is exported: a network with everything between its inputs and its outputs."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from asda.checkpoint.saved_model import SavedModel
from asda.configuration import build
from asda.dataset.data_config import DataConfig
from asda.export.export_options import ExportOptions
from asda.export.log_mel import LogMel
from asda.features.fbank_config import FbankConfig
from asda.features.normalization import Normalization
from asda.files import InputError
from asda.model.classifier import Classifier
from asda.model.heads import Head
from asda.model.pooling import pool, take_layers


class ExportedModel(nn.Module):
    """Waveforms or log-mel features to logits, embeddings and frame embeddings.

    Args:
        saved: the model
        options: which encoder of it, and which inputs

    Attributes:
        outputs: names of what `forward` returns, in order
        least: shortest input, in samples or frames, that every exporter can follow: two patches,
            or two frames where clips are filled up to a fixed length

    Raises:
        InputError: if it shall take waveforms, and the features it was trained on are not recorded.
    """

    def __init__(self, saved: SavedModel, options: ExportOptions):
        super().__init__()
        self.inputs, self.mel_bins = options.inputs, saved.config.mel_bins
        self.network: Any = saved.build(options.encoder)
        self.encoder: Any = self.network.encoder if saved.head else self.network
        self.log_mel = LogMel(fbank_config(saved)) if options.inputs == "waveform" else None
        self.normalization = Normalization(**saved.normalization)
        data = build(DataConfig, saved.data, saved.path)
        self.fill_to = data.max_frames if data.padding == "fill" else None
        self.depth = saved.config.depth
        self.outputs = (*(["logits"] if saved.head else []), "embedding", "frames", "valid")
        self.least = self._length(2 if self.fill_to else saved.config.patch.time + 1)
        self.longest = self._length(data.max_frames)

    def _length(self, frames: int) -> int:
        """Return how many samples, or frames, make a number of frames."""
        if self.log_mel is None:
            return frames
        config = self.log_mel.config
        return config.frame_length + (frames - 1) * config.frame_shift

    def example(self) -> tuple[Tensor, Tensor]:
        """Return arguments of `forward` that tracers follow: a batch of two clips."""
        length = 2 * self.least
        shape = (2, length) if self.log_mel is not None else (2, length, self.mel_bins)
        return torch.zeros(shape), torch.tensor([length, self.least])

    def forward(self, signal: Tensor, lengths: Tensor) -> tuple[Tensor, ...]:
        """Return the tensors that `outputs` names.

        Args:
            signal: waveforms (batch, samples) float32 or log-mel features (batch, frames, mel)
                float32, padded at the end with anything
            lengths: (batch,) int64 valid samples or frames

        Returns:
            "logits" (batch, classes) of a model with a head; "embedding" (batch, width); "frames"
            (batch, time, width), the mean over frequency of the patches of the last block; "valid"
            (batch, time) bool, which of these contain sound of the clip.
        """
        log_mel, num_frames = (
            (signal, lengths) if self.log_mel is None else self.log_mel(signal, lengths)
        )
        features, known = self._normalised(log_mel, num_frames)
        network = self.network
        layers = take_layers(
            self.encoder.layers(features, known), {self.depth, *_pooled_layers(network)}
        )
        patches = layers[self.depth].patches
        frames = patches.unflatten(1, (-1, self.encoder.patches.num_freq)).mean(2)
        valid = self.encoder.patches.valid(num_frames, patches.shape[1])
        valid = valid[:, :: self.encoder.patches.num_freq]
        if isinstance(network, Classifier):
            embedding = network.pool(layers)
            return network.classify(embedding), embedding, frames, valid
        embedding = pool(layers[self.depth], "mean")
        if isinstance(network, Head):  # of a plugin: what it makes of the encoder is its own affair
            return network(features, known), embedding, frames, valid
        return embedding, frames, valid

    def _normalised(self, log_mel: Tensor, num_frames: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return features as the network was trained on, and the valid frames that it is told."""
        if self.fill_to is None:
            return _masked(self._scaled(log_mel), num_frames), num_frames
        filled = F.pad(log_mel, (0, 0, 0, self.fill_to))[:, : self.fill_to]
        return self._scaled(_masked(filled, num_frames)), None

    def _scaled(self, log_mel: Tensor) -> Tensor:
        return self.normalization.scale * log_mel + self.normalization.offset


def fbank_config(saved: SavedModel) -> FbankConfig:
    """Return the features that a model takes.

    Raises:
        InputError: if they are not recorded in it.
    """
    if not saved.fbank:
        raise InputError(
            f"{saved.path}: does not record the features it was trained on, as it was trained on"
            " a dump without fbank.yaml; train it on a dump of asda dump"
        )
    return build(FbankConfig, saved.fbank, saved.path)


def _pooled_layers(network: nn.Module) -> list[int]:
    return network.pooled_layers if isinstance(network, Classifier) else []


def _masked(features: Tensor, num_frames: Tensor) -> Tensor:
    """Return features (batch, frames, mel) with zeros in place of padding."""
    rows = torch.arange(features.shape[1], device=features.device)
    return torch.where((rows < num_frames[:, None])[..., None], features, 0.0)
