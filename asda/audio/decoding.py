"""Decode recordings completely: the samples in the file count, not the length in its header."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import soundfile

from asda.audio.audio_error import AudioError, truncated
from asda.audio.ffmpeg import decode_by_ffmpeg
from asda.audio.file_parts import files_in, parts_of
from asda.audio.formats.header_check import HeaderCheck
from asda.audio.recording import Recording

MISSING = 0.1  # seconds by which a header may exceed the audio: the decoders' own padding
SURPLUS = 0.5  # seconds of bytes after the audio that are ignored
BLOCK = 1 << 24  # values read at once, since a header may state more than memory holds
HEADERLESS = (
    "no header: a .raw file does not state its sample rate and format; state them in wav.scp: "
    "sox -t raw -r 16000 -e signed -b 16 -c 1 FILE -t wav - |"
)
# Encodings of which libsndfile knows the number of samples without decoding them.
COUNTED = ("PCM", "FLOAT", "DOUBLE", "ULAW", "ALAW", "VORBIS", "OPUS", "MPEG")
RATES = (1000, 2_000_000)  # Hz: least and greatest sample rate of audio


def decode(
    recording: Recording, start: float = 0.0, end: float | None = None
) -> tuple[np.ndarray, int]:
    """Return samples (samples, channels) float32 and the rate in Hz.

    Args:
        recording: an audio file
        start: seconds into the audio
        end: seconds into the audio, None = to its end; there are fewer samples if it ends before

    Raises:
        AudioError: if it cannot be decoded, or is shorter than its header states.
    """
    files = files_in(recording)
    if len(files) == 1:
        return _decode(*files[0], start, end)
    samples, rate = _joined([_decode(*file, 0.0, None) for file in files])
    first, count = part_of(start, end, rate, len(samples))
    return samples[first : first + count], rate


def length(recording: Recording) -> float:
    """Return the duration in seconds: from the header if it can be trusted, else by decoding.

    Raises:
        AudioError: as `decode`.
    """
    return sum(_length(*file) for file in files_in(recording))


def part_of(start: float, end: float | None, rate: int, available: int) -> tuple[int, int]:
    """Return first sample and number of samples of a segment, limited to those available."""
    first = min(round(start * rate), available)
    wanted = available if end is None else round((end - start) * rate)
    return first, max(0, min(wanted, available - first))


def _length(recording: Recording, check: HeaderCheck) -> float:
    if check.exact:
        try:
            with _open(recording) as audio:
                if audio.subtype.startswith(COUNTED):
                    _refuse_wrong_length(audio.frames / audio.samplerate, check)
                    return audio.frames / audio.samplerate
        except soundfile.LibsndfileError:
            pass
    samples, rate = _decode(recording, check, 0.0, None)
    return len(samples) / rate


def _decode(
    recording: Recording, check: HeaderCheck, start: float, end: float | None
) -> tuple[np.ndarray, int]:
    if _needs_change(recording, check):
        (recording,) = parts_of(recording, check)
    started = False
    try:
        with _open(recording) as audio:
            if end is None:
                _refuse_wrong_length(audio.frames / audio.samplerate, check)
            started = True
            return _read(audio, start, end), audio.samplerate
    except soundfile.LibsndfileError:
        if _is_raw(recording):
            raise AudioError(HEADERLESS) from None
        samples, rate = decode_by_ffmpeg(recording, begun=started)
    if end is None:
        _refuse_wrong_length(len(samples) / rate, check)
    first, count = part_of(start, end, rate, len(samples))
    return samples[first : first + count], rate


def _needs_change(recording: Recording, check: HeaderCheck) -> bool:
    """Return whether libsndfile would not read all of the file as it is."""
    if check.corrections or not check.tag_size:
        return bool(check.corrections)
    try:
        with _open(recording) as audio:
            return audio.frames < check.samples
    except soundfile.LibsndfileError:
        return False


def _is_raw(recording: Recording) -> bool:
    return recording.path is not None and recording.path.lower().endswith(".raw")


def _open(recording: Recording) -> soundfile.SoundFile:
    if recording.path is not None and not _is_raw(recording):
        audio = soundfile.SoundFile(recording.path)
    else:  # soundfile does not look into a file called .raw, but asks for its format
        with recording.open() as stream:
            audio = soundfile.SoundFile(io.BytesIO(stream.read()))
    if not RATES[0] <= audio.samplerate <= RATES[1]:
        audio.close()
        raise AudioError(
            f"damaged header: a sample rate of {audio.samplerate} Hz; "
            f"audio has {RATES[0]} to {RATES[1]} Hz"
        )
    return audio


def _refuse_wrong_length(seconds: float, check: HeaderCheck) -> None:
    """Refuse a file with less or more audio than its header states; `seconds` can be read."""
    if check.incomplete:
        raise AudioError(
            f"truncated: it ends after {seconds:.2f} s, inside a page; copy or download it again"
        )
    if check.present < 1 and seconds / check.present > seconds + MISSING:
        raise truncated(seconds, seconds / check.present)
    surplus = seconds * (check.present - 1)
    if surplus > SURPLUS:
        raise AudioError(
            f"wrong header: it states {seconds:.2f} s, but {surplus:.2f} s more follow; "
            "if that is audio, write in wav.scp: sox --ignore-length FILE -t wav - |"
        )


def _read(audio: soundfile.SoundFile, start: float, end: float | None) -> np.ndarray:
    """Return samples (samples, channels) float32, read one after the other."""
    first, count = part_of(start, end, audio.samplerate, audio.frames)
    if audio.seekable():
        audio.seek(first)
    else:
        _pass_over(audio, first)
    step = max(1, BLOCK // audio.channels)
    blocks = [_samples(audio, min(step, count))]
    while len(blocks[-1]) == step:
        blocks.append(_samples(audio, min(step, count - step * len(blocks))))
    samples = blocks[0] if len(blocks) == 1 else np.concatenate(blocks)
    if len(samples) < count - round(MISSING * audio.samplerate):
        rate = audio.samplerate
        raise truncated((first + len(samples)) / rate, (first + count) / rate)
    return samples


def _pass_over(audio: soundfile.SoundFile, count: int) -> None:
    """Read samples of a file that cannot seek, up to the first one of a segment."""
    while count > 0 and (read := len(audio.read(min(count, BLOCK), dtype="int16"))):
        count -= read


def _samples(audio: soundfile.SoundFile, count: int) -> np.ndarray:
    if audio.subtype != "PCM_16":
        return audio.read(count, dtype="float32", always_2d=True)
    # The same values as from libsndfile's own conversion, in a fifth of the time.
    return audio.read(count, dtype="int16", always_2d=True) * np.float32(1 / 32768)


def _joined(parts: Sequence[tuple[np.ndarray, int]]) -> tuple[np.ndarray, int]:
    """Return the samples of several files that were joined into one."""
    kinds = {(rate, samples.shape[1]) for samples, rate in parts}
    if len(kinds) > 1:
        listed = " and ".join(f"{rate} Hz, {channels} ch" for rate, channels in sorted(kinds))
        raise AudioError(f"several files joined into one, of different kinds: {listed}")
    return np.concatenate([samples for samples, _ in parts]), parts[0][1]
