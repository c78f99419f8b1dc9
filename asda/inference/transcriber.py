"""From the windows of a recording to its transcription."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from torch import Tensor

from asda.decoding.decoders import make_decoder
from asda.decoding.decoding_config import DecodingConfig
from asda.decoding.joined_windows import decoded
from asda.decoding.words import words_of
from asda.files import InputError
from asda.inference.computations import Computation
from asda.inference.feature_windows import Windowing, overlapping
from asda.inference.model_input import ModelInput
from asda.inference.transcription import PAUSE, SpokenWord, Transcription, transcription_of
from asda.inference.windowed_model import Window, WindowedModel
from asda.model.ctc_head import CtcHead
from asda.text.unit_model import UnitModel


class Transcriber:
    """Turns the outputs of a recogniser into words with times.

    Args:
        model: a recogniser
        decoding: how its outputs become units; None = greedily
        pause: seconds without a word that end a segment

    Attributes:
        windowing: windows that it takes; they overlap, so that they can be joined at blanks
        compute: what it takes of each window

    Raises:
        InputError: if the model recognises no speech, the pause is not a positive number, or the
            n-gram cannot be read.
    """

    def __init__(
        self, model: WindowedModel, decoding: DecodingConfig | None = None, pause: float = PAUSE
    ):
        self.head = require_recogniser(model)
        if not pause > 0:
            raise InputError(f"a pause of {pause} s; give a number of seconds above 0")
        saved = model.saved
        self.pause = pause
        self.units = UnitModel.of_content(saved.units, saved.path)
        self.decode = make_decoder(decoding or DecodingConfig(), self.units)
        self.stride = saved.config.patch.time_stride
        self.windowing: Windowing = overlapping(model.data.max_frames, self.stride)
        self.compute: Computation = unit_log_probs(self.head)
        self.step_seconds = self.stride * model.frame_shift / self.head.steps_per_patch
        patch_centre = float(model.frame_times(1))
        self.first_edge = patch_centre - self.stride * model.frame_shift / 2

    def transcription(self, windows: Sequence[Window], offset: float = 0.0) -> Transcription:
        """Return the transcription of a clip.

        A word begins with the step of its first unit, and ends with that of its last one. So times
        are as exact as a step is long; sounds at the edges of a word may lie outside.

        Args:
            windows: all of the clip, with the results of `compute`
            offset: seconds that are added to the times, which are those into the clip
        """
        length = windows[-1].end - windows[0].start
        parts = [(self._step(window.first), window.output.numpy()) for window in windows]
        found = decoded(parts, self.decode)
        words = [
            SpokenWord(
                word.text,
                offset + self._time(word.start, length),
                offset + self._time(word.end, length),
                math.exp(float(np.mean(found.log_probs[word.units], dtype=np.float64))),
            )
            for word in words_of(found.hypothesis, self.units)
        ]
        return transcription_of(words, self.pause)

    def _step(self, frame: int) -> int:
        """Return the step that begins with a frame at which a patch begins."""
        return frame // self.stride * self.head.steps_per_patch

    def _time(self, step: int, length: float) -> float:
        """Return where a step begins, in seconds into a clip of `length` seconds."""
        return min(max(0.0, self.first_edge + step * self.step_seconds), length)


def require_recogniser(model: WindowedModel) -> CtcHead:
    """Return the head of a recogniser.

    Raises:
        InputError: if the model is none, saying how to make one.
    """
    if isinstance(model.network, CtcHead):
        return model.network
    kind = "a classifier" if model.labels else f"an encoder ({model.saved.kind})"
    raise InputError(
        f"{model.saved.path}: {kind} recognises no speech; train a recogniser on it:"
        f" asda finetune-ctc --init {model.saved.path} ..."
    )


def unit_log_probs(head: CtcHead) -> Computation:
    """Return natural-log probabilities (steps, units) float32 of the steps that hold audio."""

    def compute(batch: ModelInput) -> list[Tensor]:
        log_probs = head(batch.features, batch.num_frames).float().log_softmax(-1)
        counts = head.steps(batch.lengths).tolist()
        return [rows[:count] for rows, count in zip(log_probs, counts, strict=True)]

    return compute
