"""Log-mel features of a clip, block by block."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from asda.audio.audio_error import AudioError
from asda.audio.resampling import resampled
from asda.audio.waveform import audio_blocks
from asda.features.clip_edges import beyond_edges
from asda.features.extract import log_mel_of
from asda.features.fbank import Fbank
from asda.inference.audio_input import Source, Waveform

BLOCK_FRAMES = 6000  # one minute; shorter clips are computed at once, as in a dump


class LogMelStream:
    """Iterates over blocks (frames, mel) float32 of log-mel features in constant memory.

    Args:
        source: the clip
        fbank: the filterbank; its configuration also names sample rate and resampler

    Attributes:
        samples: number of samples at the rate of the features, as far as they have been read

    Raises:
        AudioError: while iterating, if the audio cannot be used.
    """

    def __init__(self, source: Source, fbank: Fbank):
        self.source, self.fbank = source, fbank
        self.samples = 0

    def __iter__(self) -> Iterator[np.ndarray]:
        fbank = self.fbank.of_whole_frames
        config = fbank.config
        held, first = np.empty(0, np.float32), True
        block_samples = (BLOCK_FRAMES - 1) * config.frame_shift + config.frame_length
        for block in self._covered_blocks():
            held = np.concatenate([held, block]) if len(held) else block
            while len(held) > block_samples:
                yield log_mel_of(held[:block_samples], fbank)
                held, first = held[BLOCK_FRAMES * config.frame_shift :], False
        if first or config.num_frames(len(held)):
            yield log_mel_of(held, fbank)

    def _covered_blocks(self) -> Iterator[np.ndarray]:
        """Return blocks of the samples that frames cover."""
        config, blocks = self.fbank.config, self._counted()
        return blocks if config.snip_edges else beyond_edges(blocks, config)

    def _counted(self) -> Iterator[np.ndarray]:
        for block in self._waveform_blocks():
            self.samples += len(block)
            yield block

    def _waveform_blocks(self) -> Iterator[np.ndarray]:
        config = self.fbank.config
        if isinstance(self.source, Waveform):
            samples, rate = self.source
            if not np.isfinite(samples).all():
                raise AudioError("not finite: samples are NaN or infinite")
            return resampled([samples], rate, config.sample_rate, config.resampler)
        source, start, end = self.source
        return audio_blocks(
            source,
            config.sample_rate,
            start=start,
            end=end,
            resampler=config.resampler,
            keep_silent=config.keep_silent,
        )
