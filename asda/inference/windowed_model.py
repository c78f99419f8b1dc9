"""A network that computes something of every window of many clips."""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from asda.audio.audio_error import AudioError
from asda.checkpoint.saved_model import SavedModel
from asda.configuration import build
from asda.dataset.data_config import DataConfig
from asda.features.fbank import Fbank
from asda.features.fbank_config import FbankConfig
from asda.features.normalization import normalization_of
from asda.files import InputError
from asda.inference.audio_input import Source
from asda.inference.computations import Computation
from asda.inference.feature_windows import FeatureWindow, Windowing, WindowReader
from asda.inference.model_input import ModelInput, by_length, grouped, padded
from asda.inference.reading_ahead import read_ahead
from asda.kernels.precision import autocast

MOST_READERS = 8  # threads that read audio for a GPU; a CPU is kept busy by the network


class Window(NamedTuple):
    """What was computed of a window of a clip.

    Attributes:
        number: of the clip among the sources
        start: of the window, in seconds into the recording
        end: of the window, in seconds into the recording
        first: frame of the clip at which the window begins
        last: whether it is the last one of the clip
        output: the result of the computation, tensors on the CPU; None if there is an error
        error: why the audio of the clip cannot be used; what its earlier windows gave is void
    """

    number: int
    start: float
    end: float
    first: int
    last: bool
    output: Any
    error: AudioError | None


class WindowedModel(nn.Module):
    """A network with all that leads from audio to its input.

    Args:
        saved: the content of the model file
        network: built from it
        precision: number format of the network, "float32", "bf16" or "fp16"
    """

    def __init__(self, saved: SavedModel, network: nn.Module, precision: str = "float32"):
        super().__init__()
        self.saved = saved
        self.network = network
        self.precision = precision
        self.labels = saved.labels
        self.normalization = normalization_of(saved.normalization)
        self.data = build(DataConfig, saved.data, saved.path)

    @functools.cached_property
    def fbank(self) -> Fbank:
        """The filterbank of the features that the model was trained on.

        Raises:
            InputError: if they are unknown.
        """
        return Fbank(fbank_config(self.saved))

    @property
    def sample_rate(self) -> int:
        """Sample rate in Hz, to which all audio is resampled."""
        return self.fbank.config.sample_rate

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next(self.network.parameters()).device

    @property
    def frame_shift(self) -> float:
        """Seconds from the start of a log-mel frame to the start of the next."""
        return self.fbank.config.frame_seconds

    @property
    def longest_window(self) -> float:
        """Longest input of the network in seconds."""
        return self.data.max_frames * self.frame_shift

    def frame_times(self, count: int) -> Tensor:
        """Return the centres of `count` frame embeddings in seconds (count,) float32."""
        patch, config = self.saved.config.patch, self.fbank.config
        centre = config.first_sample + config.frame_length / 2
        first = (patch.time - 1) / 2 * self.frame_shift + centre / self.sample_rate
        return first + torch.arange(count) * (patch.time_stride * self.frame_shift)

    def run(
        self,
        sources: Iterable[Source],
        compute: Computation,
        window: float | None = None,
        hop: float | None = None,
        batch_size: int | None = None,
    ) -> Iterator[Window]:
        """Yield what is computed of the windows of many clips, in the order of the clips.

        Memory does not grow with the number of clips or with their lengths. Audio that cannot be
        used yields a window with an error and does not stop the others.

        Args:
            sources: clips, for example of `asda.inference.audio_input.sources_of`
            compute: one of `asda.inference.computations`
            window: length of a window in seconds; None = the longest input of the model
            hop: seconds from the start of a window to the start of the next; None = its length
            batch_size: windows per batch; None = chosen for the device

        Raises:
            InputError: if windows are longer than the longest input of the model, or too short.
        """
        return self.run_windows(sources, compute, self.windowing(window, hop), batch_size)

    @property
    def fill(self) -> tuple[int, float] | None:
        """Frames that every input has and the value of those without audio; see `padded`."""
        if self.data.padding == "mask":
            return None
        return self.data.max_frames, self.normalization.fill

    def windowing(self, window: float | None, hop: float | None) -> Windowing:
        """Return where windows lie, in frames.

        Args:
            window: their length in seconds; None = the longest input of the model
            hop: seconds from the start of a window to that of the next; None = their length

        Raises:
            InputError: if they are longer than the longest input of the model, or too short.
        """
        length = self.data.max_frames if window is None else self._frames_in("windows", window)
        step = length if hop is None else self._frames_in("a hop", hop)
        if not self.data.min_frames <= length <= self.data.max_frames:
            raise InputError(
                f"windows of {window} s do not fit this model, which takes"
                f" {self.data.min_frames * self.frame_shift:g} to {self.longest_window:g} s"
            )
        if not 1 <= step <= length:
            raise InputError(f"a hop of {hop} s; it must be above 0, and at most the window")
        return Windowing(length, step)

    def _frames_in(self, what: str, seconds: float) -> int:
        if not math.isfinite(seconds):
            raise InputError(f"{what} of {seconds} s; give a finite number of seconds")
        return round(seconds / self.frame_shift)

    def run_windows(
        self,
        sources: Iterable[Source],
        compute: Computation,
        windowing: Windowing,
        batch_size: int | None,
    ) -> Iterator[Window]:
        """Yield what is computed of windows that lie as given in frames; otherwise as `run`."""
        on_cpu = self.device.type == "cpu"
        size = batch_size or (8 if on_cpu else 32)
        readers = 1 if on_cpu else min(MOST_READERS, os.cpu_count() or 1)
        reader = WindowReader(self.fbank, self.normalization, windowing)
        for group in grouped(read_ahead(sources, reader.read, readers), size):
            outputs: dict[int, Any] = {}
            for indices in by_length(group, size):
                batch = padded([group[i].features for i in indices], self.fill, self.device)
                outputs |= zip(indices, self._computed(compute, batch), strict=True)
            for index, window in enumerate(group):
                yield _with_output(window, outputs.get(index))

    def _computed(self, compute: Computation, batch: ModelInput) -> Iterable[Any]:
        """Return the result of each window, on the CPU: a GPU could not hold a long recording's."""
        with torch.no_grad(), autocast(self.device, self.precision):
            results = compute(batch)
        if isinstance(results, Tensor):
            return results.cpu()
        return [one.cpu() if isinstance(one, Tensor) else one for one in results]


def fbank_config(saved: SavedModel) -> FbankConfig:
    """Return the settings of the features that a model was trained on.

    Raises:
        InputError: if they are unknown.
    """
    if not saved.fbank:
        raise InputError(
            f"{saved.path}: was trained on features of unknown settings, so that they cannot be"
            " computed from audio; train on a dump of asda"
        )
    return FbankConfig(**saved.fbank)


def _with_output(window: FeatureWindow, output: Any) -> Window:
    return Window(
        window.number, window.start, window.end, window.first, window.last, output, window.error
    )
