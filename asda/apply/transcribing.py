"""Transcriptions of files, as rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from asda.apply.applying import Follow, followed
from asda.apply.inputs import AudioInput
from asda.apply.rows import Row
from asda.audio.audio_error import AudioError
from asda.inference.audio_model import AudioModel, Window
from asda.inference.clip_outputs import by_clip
from asda.inference.transcriber import Transcriber
from asda.inference.transcription import SpokenSegment, SpokenWord

TIME_DIGITS = 3  # decimals of seconds
CONFIDENCE_DIGITS = 4  # decimals


def transcribe(
    inputs: Sequence[AudioInput],
    follow: Follow,
    model: AudioModel,
    transcriber: Transcriber,
    digest: str,
    batch_size: int | None,
) -> Iterator[tuple[AudioInput, list[Row] | AudioError]]:
    """Yield a row for each input, or the reason why it cannot be used, in their order.

    Args:
        inputs: recordings
        follow: called with (input, start, end, whether it is the last) after each window
        model: a recogniser
        transcriber: made for it
        digest: of the file of the model, by which rows name it
        batch_size: windows per batch; None = chosen for the device
    """
    audio = [one.audio for one in inputs]
    run = model.run_windows(audio, transcriber.compute, transcriber.windowing, batch_size)
    for clip in by_clip(followed(run, inputs, follow)):
        one = inputs[clip.number]
        yield one, clip.error or [_row(one, clip.windows, transcriber) | {"model": digest}]


def _row(one: AudioInput, windows: Sequence[Window], transcriber: Transcriber) -> Row:
    start, end = windows[0].start, windows[-1].end
    found = transcriber.transcription(windows, start)
    return {
        **one.named(),
        "start": round(start, TIME_DIGITS),
        "end": round(end, TIME_DIGITS),
        "text": found.text,
        "segments": [_segment(segment) for segment in found.segments],
    }


def _segment(segment: SpokenSegment) -> dict[str, Any]:
    words = [_word(word) for word in segment.words]
    return {**_times(segment), "text": segment.text, "words": words}


def _word(word: SpokenWord) -> dict[str, Any]:
    confidence = round(word.confidence, CONFIDENCE_DIGITS)
    return {"word": word.word, **_times(word), "confidence": confidence}


def _times(part: SpokenSegment | SpokenWord) -> dict[str, float]:
    return {"start": round(part.start, TIME_DIGITS), "end": round(part.end, TIME_DIGITS)}
