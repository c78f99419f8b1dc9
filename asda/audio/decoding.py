"""Decode recordings completely: the samples in the file count, not the length in its header."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence

import numpy as np
import soundfile

from asda.audio.audio_error import AudioError, check_rate, truncated
from asda.audio.ffmpeg import decode_by_ffmpeg
from asda.audio.file_parts import files_in, parts_of
from asda.audio.formats.containers import CONTAINERS
from asda.audio.formats.header_check import HeaderCheck
from asda.audio.recording import Recording

MISSING = 0.1  # seconds by which a header may exceed the audio: the decoders' own padding
SURPLUS = 0.5  # seconds of audio that may follow those that a header states; they are ignored
BLOCK = 1 << 22  # values read at once: 16 MB
# Suffixes of headerless samples. By these names alone decoders take any file for samples of a
# rate and format of their own choice: libsndfile .au and .snd, ffmpeg .al, .ul, .sw and so on.
_RAW = "raw pcm au snd al la ul lu sb sw ub uw s8 s16 s24 s32 u8 u16 u24 u32 f32 f64"
RAW_SUFFIXES = frozenset(f".{suffix}" for suffix in _RAW.split())
GSM_FRAME, GSM_MARK = 33, 0xD  # bytes of a frame; the upper half of its first byte
HEADERLESS = (
    "no header: a {suffix} file does not state its sample rate and format; state them in wav.scp: "
    "sox -t raw -r 16000 -e signed -b 16 -c 1 FILE -t wav - |"
)
# Encodings of which libsndfile knows the number of samples without decoding them.
COUNTED = ("PCM", "FLOAT", "DOUBLE", "ULAW", "ALAW", "VORBIS", "OPUS", "MPEG")


def decode_blocks(
    recording: Recording, start: float = 0.0, end: float | None = None
) -> Iterator[tuple[np.ndarray, int]]:
    """Yield at least one block of samples (samples, channels) float32, with the rate in Hz.

    Memory does not grow with the length of what libsndfile reads. Other formats, and several files
    that were joined into one, are a single block.

    Args:
        recording: an audio file
        start: seconds into the audio
        end: seconds into the audio, None = to its end; there are fewer samples if it ends before

    Raises:
        AudioError: if it cannot be decoded, or is shorter than its header states.
    """
    files = files_in(recording)
    if len(files) == 1:
        yield from _decode(*files[0], start, end)
        return
    samples, rate = _joined([_decode_all(*file) for file in files])
    first, count = part_of(start, end, rate, len(samples))
    yield samples[first : first + count], rate


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
    return sum(len(samples) / rate for samples, rate in _decode(recording, check, 0.0, None))


def _decode_all(recording: Recording, check: HeaderCheck) -> tuple[np.ndarray, int]:
    blocks = list(_decode(recording, check, 0.0, None))
    return np.concatenate([samples for samples, _ in blocks]), blocks[0][1]


def _decode(
    recording: Recording, check: HeaderCheck, start: float, end: float | None
) -> Iterator[tuple[np.ndarray, int]]:
    if _needs_change(recording, check):
        (recording,) = parts_of(recording, check)
    started, done = False, 0
    try:
        with _open(recording) as audio:
            if end is None:
                _refuse_wrong_length(audio.frames / audio.samplerate, check)
            started = True
            for block in _read(audio, start, end):
                yield block, audio.samplerate
                done += len(block)
            return
    except soundfile.LibsndfileError:
        samples, rate = _by_other_means(recording, started)
    if end is None:
        _refuse_wrong_length(len(samples) / rate, check)
    first, count = part_of(start, end, rate, len(samples))
    yield samples[first + done : first + count], rate


def _needs_change(recording: Recording, check: HeaderCheck) -> bool:
    """Return whether libsndfile would not read all of the file as it is."""
    if check.corrections or not check.tag_size:
        return bool(check.corrections)
    try:
        with _open(recording) as audio:
            return audio.frames < check.samples
    except soundfile.LibsndfileError:
        return False


def _by_other_means(recording: Recording, begun: bool) -> tuple[np.ndarray, int]:
    """Decode what libsndfile does not read, by its content alone if its name misleads decoders."""
    if not (suffix := _misleading_suffix(recording)):
        return decode_by_ffmpeg(recording, begun)
    try:
        return decode_by_ffmpeg(_nameless(recording), begun)
    except AudioError:
        if begun or suffix == ".gsm":
            raise
        raise AudioError(HEADERLESS.format(suffix=suffix)) from None


def _misleading_suffix(recording: Recording) -> str:
    """Return the suffix by which decoders would judge a file whatever it contains; "" = none."""
    suffix = os.path.splitext(recording.path or "")[1].lower()
    if suffix not in (*RAW_SUFFIXES, ".gsm"):
        return ""
    with recording.open() as stream:
        head = stream.read(GSM_FRAME * 20)
    if suffix == ".gsm" and all(byte >> 4 == GSM_MARK for byte in head[::GSM_FRAME]):
        return ""  # ffmpeg knows a short stream by its name only
    has_header = head[:4] in CONTAINERS
    return "" if has_header and suffix != ".raw" else suffix  # soundfile asks for a format of .raw


def _nameless(recording: Recording) -> Recording:
    with recording.open() as stream:
        return Recording(recording.name, data=stream.read())


def _open(recording: Recording) -> soundfile.SoundFile:
    if recording.path is not None and not _misleading_suffix(recording):
        audio = soundfile.SoundFile(recording.path)
    else:
        audio = soundfile.SoundFile(io.BytesIO(_nameless(recording).data or b""))
    try:
        check_rate(audio.samplerate)
    except AudioError:
        audio.close()
        raise
    return audio


def _refuse_wrong_length(seconds: float, check: HeaderCheck) -> None:
    """Refuse a file with less or more audio than its header states.

    Args:
        seconds: duration of the audio that can be read
        check: what was found out about the header
    """
    if check.incomplete:
        raise AudioError(
            f"truncated: it ends after {seconds:.2f} s, inside a page; copy or download it again"
        )
    if check.damaged:
        raise AudioError(
            "damaged: a part of it has a wrong checksum, and decoders skip it; "
            "copy or download it again"
        )
    if check.present < 1 and not seconds:
        raise AudioError("truncated: nothing follows its header; copy or download it again")
    if check.present < 1 and seconds / check.present > seconds + MISSING:
        raise truncated(seconds, seconds / check.present)
    surplus = seconds * (check.present - 1)
    if surplus > SURPLUS:
        raise AudioError(
            f"wrong header: it states {seconds:.2f} s, but {surplus:.2f} s more follow; "
            "if that is audio, write in wav.scp: sox --ignore-length FILE -t wav - |"
        )


def _read(audio: soundfile.SoundFile, start: float, end: float | None) -> Iterator[np.ndarray]:
    """Yield blocks of samples (samples, channels) float32, read one after the other."""
    first, count = part_of(start, end, audio.samplerate, audio.frames)
    if audio.seekable():
        audio.seek(first)
    else:
        _pass_over(audio, first)
    step, done = max(1, BLOCK // audio.channels), 0
    while True:
        block = _samples(audio, min(step, count - done))
        done += len(block)
        if done < count and len(block) < step:
            break
        yield block
        if done == count:
            return
    rate = audio.samplerate
    if done < count - round(MISSING * rate):
        raise truncated((first + done) / rate, (first + count) / rate)
    yield block


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
