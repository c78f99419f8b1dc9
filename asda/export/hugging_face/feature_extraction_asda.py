"""asda's features for Hugging Face transformers: waveforms to normalised log-mel values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import BatchFeature, SequenceFeatureExtractor

from asda.features.fbank import Fbank
from asda.features.fbank_config import FbankConfig
from asda.features.normalization import Normalization


class AsdaFeatureExtractor(SequenceFeatureExtractor):
    """Log-mel features of waveforms, normalised and padded as in training.

    Args:
        fbank: settings of the filterbank
        normalization: "mean" and "std" of the log-mel values
        data: "padding": "mask" pads a batch to its longest clip and marks the padding in the
            attention mask; "fill" first extends each clip to "max_frames" by log-mel values of 0,
            which count as sound
        kwargs: further settings of transformers
    """

    model_input_names = ["input_values", "attention_mask"]  # noqa: RUF012

    def __init__(
        self,
        fbank: dict[str, Any] | None = None,
        normalization: dict[str, float] | None = None,
        data: dict[str, Any] | None = None,
        **kwargs: Any,
    ):
        config = FbankConfig(**(fbank or {}))
        # Those that are stored with the other settings are these.
        for name in ("feature_size", "sampling_rate", "padding_value"):
            kwargs.pop(name, None)
        super().__init__(config.num_mel_bins, config.sample_rate, padding_value=0.0, **kwargs)
        self.fbank = fbank or {}
        self.normalization = normalization or {"mean": 0.0, "std": 0.5}
        self.data = data or {"padding": "mask", "max_frames": 1024}

    def __call__(
        self,
        raw_speech: Any,
        sampling_rate: int | None = None,
        return_tensors: str | None = None,
        **kwargs: Any,
    ) -> BatchFeature:
        """Return input_values (batch, frames, mel) float32 and attention_mask (batch, frames).

        Args:
            raw_speech: a mono waveform (samples,) in [-1, 1], or a list of these
            sampling_rate: its rate in Hz, which must be that of the model
            return_tensors: "pt" or "np"
            kwargs: not used

        Raises:
            ValueError: if the rate is another one, or a waveform cannot be used.
        """
        if sampling_rate not in (None, self.sampling_rate):
            raise ValueError(
                f"waveforms of {sampling_rate} Hz, but the model takes {self.sampling_rate} Hz;"
                " resample them first"
            )
        single = not isinstance(raw_speech, Sequence) or np.isscalar(raw_speech[0])
        clips = [self._features(clip) for clip in ([raw_speech] if single else raw_speech)]
        longest = max(len(clip) for clip in clips)
        values = np.zeros((len(clips), longest, self.feature_size), np.float32)
        mask = np.zeros((len(clips), longest), np.int64)
        for row, clip in enumerate(clips):
            values[row, : len(clip)] = clip
            mask[row, : len(clip)] = 1
        content = {"input_values": values, "attention_mask": mask}
        return BatchFeature(content, tensor_type=return_tensors)

    def _features(self, waveform: Any) -> np.ndarray:
        """Return the features of a clip (frames, mel) float32."""
        samples = waveform.cpu() if isinstance(waveform, Tensor) else np.asarray(waveform)
        tensor = torch.as_tensor(samples, dtype=torch.float32)
        if tensor.ndim != 1:
            raise ValueError(f"a waveform of shape {tuple(tensor.shape)}; expected (samples,)")
        log_mel = Fbank(FbankConfig(**self.fbank))(tensor).numpy()
        if not np.isfinite(log_mel).all():
            raise ValueError("features are not finite; check the samples of the waveform")
        normalization = Normalization(**self.normalization)
        padding = self.data["padding"] == "fill"
        missing = max(0, self.data["max_frames"] - len(log_mel)) if padding else 0
        log_mel = np.pad(log_mel, ((0, missing), (0, 0)))
        return log_mel * np.float32(normalization.scale) + np.float32(normalization.offset)
