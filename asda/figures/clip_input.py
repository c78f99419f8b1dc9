"""One piece of audio as a model takes it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from asda.audio.wav_scp import AudioSegment
from asda.features.fbank_config import FbankConfig
from asda.features.normalization import Normalization
from asda.files import InputError
from asda.inference.audio_input import with_name
from asda.inference.audio_model import AudioModel
from asda.inference.feature_windows import WindowReader
from asda.inference.model_input import padded


@dataclass
class ClipInput:
    """Features of a clip, and the input that a model makes of them.

    Attributes:
        log_mel: (frames, mel) float32, of at most the longest input of the model
        features: normalised features (1, rows, mel) float32, padded if the model pads all clips to
            its longest input
        fbank: settings of the features
        start: seconds in the file at which the clip begins
        is_whole: whether the chosen part of the file ends here; otherwise the longest input of the
            model was reached
    """

    log_mel: np.ndarray
    features: Tensor
    fbank: FbankConfig
    start: float
    is_whole: bool

    @property
    def end(self) -> float:
        """Seconds in the file at which the clip ends."""
        return self.start + len(self.log_mel) * self.fbank.frame_seconds


def read_clip(
    model: AudioModel, source: str, start: float = 0.0, end: float | None = None
) -> ClipInput:
    """Read audio with the features, the longest input and the padding of a model.

    Args:
        model: the model
        source: a file, or any other value of wav.scp
        start: seconds into the audio
        end: seconds into the audio; None = to its end

    Raises:
        InputError: if the audio cannot be used.
    """
    segment = AudioSegment(source, start, end)
    reader = WindowReader(model.fbank, Normalization(0.0, 0.5), model.windowing(None, None))
    window = next(reader.read(0, segment))
    if window.error is not None:
        raise InputError(with_name(segment, window.error))
    log_mel = window.features
    features = padded([model.normalization(log_mel)], model.fill, model.device).features
    return ClipInput(log_mel, features, model.fbank.config, start, window.last)
