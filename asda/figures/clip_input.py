"""One piece of audio as a model takes it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from asda.audio.audio_error import AudioError
from asda.checkpoint.saved_model import SavedModel
from asda.configuration import build
from asda.dataset.data_config import DataConfig
from asda.features.extract import extract_log_mel
from asda.features.fbank import Fbank
from asda.features.fbank_config import FbankConfig
from asda.features.matrix import Values
from asda.features.normalization import Normalization
from asda.features.view import FeatureView
from asda.figures.spectrogram import seconds_per_frame
from asda.files import InputError


@dataclass
class ClipInput:
    """Features of a clip, and the input that a model makes of them.

    Attributes:
        log_mel: (frames, mel) float32, of at most the longest input of the model
        features: normalised and, if the model pads clips so, filled up (1, rows, mel) float32
        fbank: settings of the features
        start: seconds in the file at which the clip begins
        left_out: seconds of the file behind the longest input of the model
    """

    log_mel: np.ndarray
    features: Tensor
    fbank: FbankConfig
    start: float
    left_out: float

    @property
    def end(self) -> float:
        """Seconds in the file at which the clip ends."""
        return self.start + len(self.log_mel) * seconds_per_frame(self.fbank)

    @property
    def note(self) -> str:
        """A line that says what is not drawn; empty if that is nothing."""
        if not self.left_out:
            return ""
        return (
            f"drawn up to {self.end:.2f} s, the longest input of the model; --start {self.end:.2f}"
            f" draws the next part ({self.left_out:.2f} s are left)"
        )


def read_clip(
    saved: SavedModel, source: str, start: float = 0.0, end: float | None = None
) -> ClipInput:
    """Read audio with the features, the longest input and the padding of a model.

    Args:
        saved: the model
        source: a file, or any other value of wav.scp
        start: seconds into the audio
        end: seconds into the audio; None = to its end

    Raises:
        InputError: if the audio cannot be used.
    """
    fbank = build(FbankConfig, saved.fbank, saved.path)
    try:
        log_mel = extract_log_mel(source, Fbank(fbank), start, end)
    except AudioError as error:
        raise InputError(f"{source}: {error}") from None
    features, data = model_input(saved, log_mel)
    spare = max(0, len(log_mel) - data.max_frames)
    used = log_mel[: len(log_mel) - spare]
    seconds = seconds_per_frame(fbank)
    return ClipInput(used, features[None], fbank, start, spare * seconds)


def model_input(saved: SavedModel, log_mel: np.ndarray) -> tuple[Tensor, DataConfig]:
    """Return features as the model takes them, (rows, mel) float32, and how they were cut.

    Args:
        saved: the model
        log_mel: (frames, mel) float32; frames behind the longest input of the model are left out
    """
    data = build(DataConfig, saved.data, saved.path)
    norm = Normalization(**saved.normalization)
    rows = data.max_frames if data.padding == "fill" else min(len(log_mel), data.max_frames)
    view = FeatureView(Values(log_mel), 0, rows, norm.scale, norm.offset)
    return torch.from_numpy(view.read()), data
