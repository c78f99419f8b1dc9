"""From audio to log-mel features: the one path of dumping, training on audio and inference."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from asda.audio.wav_scp import AudioSegment
from asda.audio.waveform import AudioError, read_audio
from asda.features.fbank import Fbank

WaveformTransform = Callable[[np.ndarray], np.ndarray]  # (samples,) float32 to the same


def extract_log_mel(
    source: str,
    fbank: Fbank,
    start: float = 0.0,
    end: float | None = None,
    waveform_transform: WaveformTransform | None = None,
) -> np.ndarray:
    """Return log-mel features (frames, mel) float32 of audio or of a segment of it.

    Args:
        source: value of wav.scp, as in `read_audio`
        fbank: the filterbank; its configuration also names sample rate and resampler
        start: seconds into the audio
        end: seconds into the audio; None = to its end
        waveform_transform: applied to the resampled waveform before the filterbank

    Raises:
        AudioError: if the audio cannot be used (`read_audio`), is shorter than one frame, or its
            samples are so large that features are not finite.
    """
    config = fbank.config
    waveform = read_audio(
        source,
        config.sample_rate,
        start=start,
        end=end,
        resampler=config.resampler,
        keep_silent=config.keep_silent,
    )
    if waveform_transform is not None:
        waveform = waveform_transform(waveform)
    return log_mel_of(waveform, fbank)


def log_mel_of(waveform: np.ndarray, fbank: Fbank) -> np.ndarray:
    """Return log-mel features (frames, mel) float32 of a waveform (samples,) float32.

    Args:
        waveform: audio at the sample rate of the filterbank
        fbank: the filterbank

    Raises:
        AudioError: if there are fewer samples than in a frame, or they are so large that features
            are not finite.
    """
    try:
        log_mel = fbank(torch.from_numpy(waveform)).numpy()
    except ValueError as error:
        raise AudioError(str(error)) from None
    if not np.isfinite(log_mel).all():
        raise AudioError("features are not finite: samples are too large")
    return log_mel


def features_or_reason(utterance: str, audio: AudioSegment, fbank: Fbank) -> np.ndarray | str:
    """Return log-mel features (frames, mel) float32, or a line that says why there are none.

    Raises:
        OSError: if the machine is at fault, for example a disk.
        RuntimeError: naming the utterance, if neither the machine nor the audio is at fault.
    """
    try:
        return extract_log_mel(audio.source, fbank, audio.start, audio.end)
    except AudioError as error:
        return " ".join(str(error).split())
    except OSError:
        raise
    except Exception as error:
        message = f"features of utterance '{utterance}', audio '{audio.source}'"
        raise RuntimeError(f"{message}: {error!r}") from error
