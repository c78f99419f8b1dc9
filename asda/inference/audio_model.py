"""A trained model that takes audio: embeddings, frame embeddings, labels and transcriptions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from asda.audio.audio_error import AudioError
from asda.decoding.decoding_config import DecodingConfig
from asda.features.extract import log_mel_of
from asda.files import InputError
from asda.inference.audio_input import sources_of, with_name
from asda.inference.clip_outputs import by_clip
from asda.inference.computations import (
    Computation,
    Frequency,
    Layers,
    class_outputs,
    embeddings,
    frame_embeddings,
)
from asda.inference.feature_windows import Windowing, overlapping
from asda.inference.model_input import padded, sample_counts
from asda.inference.stitching import Frames, side_by_side, stitched
from asda.inference.tags import Tag, best_tags, clip_scores, probabilities
from asda.inference.transcriber import Transcriber
from asda.inference.transcription import PAUSE, Transcription
from asda.inference.windowed_model import Window, WindowedModel
from asda.kernels.precision import autocast
from asda.model.model_config import Pooling


class AudioModel(WindowedModel):
    """A network with all that leads from audio to its input; made by `asda.load`.

    Results of a clip depend neither on other clips nor on the batch size, up to rounding. Clips
    that are longer than the longest input of the model (`data.max_frames`) are computed in windows,
    in constant memory.

    Audio, in the methods below, is a file name (any value of wav.scp: all formats that libsndfile
    or ffmpeg reads, commands, places in archives); a mono waveform, a NumPy array or tensor
    (samples,) of floating-point samples in [-1, 1], with its rate; a pair (waveform, rate);
    (file name, start, end) for a stretch of a file in seconds, of which nothing else is read; a
    list of these, of any lengths; or the path of a data directory. A list gives results in its
    order, a data directory a dict from utterance to result.

    Args:
        saved: the content of the model file
        network: built from it
        precision: number format of the network, "float32", "bf16" or "fp16"

    Attributes:
        network: a `Head` with an `encoder`, or an `Encoder`
        labels: names of the classes or units, in the order of the network's outputs; [] for an
            encoder
        saved: the content of the model file
    """

    def embed(
        self,
        audio: Any,
        rate: int | None = None,
        pooling: Pooling | None = None,
        layers: Layers = -1,
        batch_size: int | None = None,
    ) -> Any:
        """Return one vector per clip, float32 on the CPU.

        Args:
            audio: see the class
            rate: sample rate in Hz of waveforms that are given without one
            pooling: the "cls" token, the "mean" of the patch tokens, or "statistics": their mean
                and standard deviation; None = as the classifier does, or the mean for an encoder
            layers: number of a layer (0 = the patch embeddings, -1 = the last), several whose
                vectors are concatenated, or {number: weight} for their weighted sum
            batch_size: windows per batch; None = chosen for the device

        Returns:
            (width,) for one clip, (clips, width) for a list, a dict for a data directory. The
            vector of a clip in several windows is the mean of theirs.

        Raises:
            AudioError: if audio cannot be used, with its name.
            InputError: if an argument does not fit the model.
        """
        compute = embeddings(self.network, pooling, layers)

        def of_clip(windows: list[Window]) -> Tensor:
            return torch.stack([window.output for window in windows]).mean(0)

        return self._of_clips(audio, rate, compute, of_clip, torch.stack, batch_size)

    def frames(
        self,
        audio: Any,
        rate: int | None = None,
        layers: Layers = -1,
        frequency: Frequency = "mean",
        batch_size: int | None = None,
    ) -> Any:
        """Return vectors over time with their times in seconds, on the CPU.

        Long clips are computed in windows that overlap by an eighth. For training on top of the
        vectors, call the model itself, see `forward`.

        Args:
            audio: see the class
            rate: sample rate in Hz of waveforms that are given without one
            layers: as in `embed`
            frequency: "mean" over the patches of one time, or "concatenate" them, from low to high
            batch_size: windows per batch; None = chosen for the device

        Returns:
            `Frames` (features, mask, times) for one clip or a list, a dict for a data directory.

        Raises:
            AudioError: if audio cannot be used, with its name.
            InputError: if an argument does not fit the model.
        """
        compute = frame_embeddings(self.network, layers, frequency)
        stride = self.saved.config.patch.time_stride

        def of_clip(windows: list[Window]) -> Tensor:
            return stitched([(w.first // stride, w.output) for w in windows])

        def together(clips: list[Tensor]) -> Frames:
            features, mask = side_by_side(clips)
            return Frames(features, mask, self.frame_times(features.shape[1]))

        windowing = overlapping(self.data.max_frames, stride)
        return self._of_clips(
            audio, rate, compute, of_clip, together, batch_size, windowing, self._frames_of_one
        )

    def tag(
        self,
        audio: Any,
        rate: int | None = None,
        top: int | None = 5,
        batch_size: int | None = None,
    ) -> Any:
        """Return the labels with the highest scores, best first.

        Args:
            audio: see the class
            rate: sample rate in Hz of waveforms that are given without one
            top: how many labels, at least 1; None = all
            batch_size: windows per batch; None = chosen for the device

        Returns:
            A list of `Tag` (label, index, score) for one clip, a list of these for a list, a dict
            for a data directory. The score is the probability of the class; that of a clip in
            several windows is the mean of theirs, as in `asda score`.

        Raises:
            AudioError: if audio cannot be used, with its name.
            InputError: if the model has no labels, or an argument does not fit.
        """
        self.require_labels()
        if top is not None and (not isinstance(top, int) or top < 1):
            raise InputError(f"top {top!r}; give a number of labels from 1, or None for all")

        def of_clip(windows: list[Window]) -> list[Tag]:
            scores = clip_scores([window.output for window in windows], self.saved.output)
            return best_tags(scores, self.labels, top)

        return self._of_clips(audio, rate, class_outputs([self.network]), of_clip, list, batch_size)

    def transcribe(
        self,
        audio: Any,
        rate: int | None = None,
        decoding: DecodingConfig | None = None,
        pause: float = PAUSE,
        batch_size: int | None = None,
    ) -> Any:
        """Return the spoken text, with the times of segments and words in seconds into the clip.

        Long clips are computed in windows that overlap by an eighth, and are joined at blanks.

        Args:
            audio: see the class
            rate: sample rate in Hz of waveforms that are given without one
            decoding: how the outputs become words; None = by the best unit of each step
            pause: seconds without a word that end a segment
            batch_size: windows per batch; None = chosen for the device

        Returns:
            A `Transcription` (text, segments, words) for one clip, a list of these for a list, a
            dict for a data directory.

        Raises:
            AudioError: if audio cannot be used, with its name.
            InputError: if the model recognises no speech, or an argument does not fit.
        """
        transcriber = Transcriber(self, decoding, pause)

        def of_clip(windows: list[Window]) -> Transcription:
            return transcriber.transcription(windows)

        windowing, compute = transcriber.windowing, transcriber.compute
        return self._of_clips(audio, rate, compute, of_clip, list, batch_size, windowing)

    def forward(self, waveforms: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return frame embeddings of the last layer with gradients, for training on top of them.

        Gradients reach the parameters of the network, not the waveforms. Clips are computed as one
        window each, however long.

        Args:
            waveforms: (clips, samples) float32 in [-1, 1] at `sample_rate`, padded at the end
            lengths: samples of each clip (clips,) int64; None = all

        Returns:
            features (clips, time, width), zero where they are padding, and mask (clips, time) bool.

        Raises:
            AudioError: if a clip is shorter than a frame, or not finite.
            InputError: if the shape or the lengths do not fit.
        """
        counts = sample_counts(waveforms, lengths)
        rows = waveforms.detach().cpu().float().numpy()
        features = [
            self.normalization(log_mel_of(row[:count], self.fbank))
            for row, count in zip(rows, counts, strict=True)
        ]
        compute = frame_embeddings(self.network, -1, "mean")
        with autocast(self.device, self.precision):
            vectors = compute(padded(features, self.fill, self.device))
        return side_by_side(list(vectors))

    def require_labels(self) -> None:
        """Refuse a model that cannot tag.

        Raises:
            InputError: saying how to make one that can, or what else the model can do.
        """
        if self.saved.recognises_speech:
            raise InputError(
                f"{self.saved.path}: a recogniser has no labels; asda transcribe, or transcribe()"
                " in Python, gives the text"
            )
        if not self.labels:
            raise InputError(
                f"{self.saved.path}: an encoder ({self.saved.kind}) has no labels; train a"
                f" classifier on it: asda finetune --init {self.saved.path} ..."
            )
        probabilities(torch.zeros(1), self.saved.output)

    def _frames_of_one(self, features: Tensor) -> Frames:
        mask = torch.ones(len(features), dtype=torch.bool)
        return Frames(features, mask, self.frame_times(len(features)))

    def _of_clips(
        self,
        audio: Any,
        rate: int | None,
        compute: Computation,
        of_clip: Callable[[list[Window]], Any],
        together: Callable[[list[Any]], Any],
        batch_size: int | None,
        windowing: Windowing | None = None,
        of_one: Callable[[Any], Any] = lambda result: result,
    ) -> Any:
        """Return the results of clips in the form in which audio was given."""
        sources = sources_of(audio, rate)
        if not sources.items:
            raise InputError("no audio: the list is empty")
        windowing = windowing or self.windowing(None, None)
        results = []
        for clip in by_clip(self.run_windows(sources.items, compute, windowing, batch_size)):
            if clip.error is not None:
                raise AudioError(with_name(sources.items[clip.number], clip.error)) from None
            results.append(of_clip(clip.windows))
        if sources.utterances is not None:
            return dict(zip(sources.utterances, map(of_one, results), strict=True))
        return together(results) if sources.is_list else of_one(results[0])
