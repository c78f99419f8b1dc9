"""Audio of a wav.scp entry: files, segments of files, archives and commands."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import numpy as np
import soundfile
import soxr

from asda.corpus.wav_scp import PackedClip, packed_clip, split_source

OVERSHOOT = 0.5  # seconds by which segments may exceed the audio, since their times are rounded


class AudioError(ValueError):
    """Audio cannot be used. The message is one line that gives the reason."""


def read_audio(
    source: str,
    sample_rate: int = 16000,
    channel: int | None = None,
    start: float = 0.0,
    end: float | None = None,
    resampler: Literal["soxr", "torchaudio"] = "soxr",
) -> np.ndarray:
    """Return audio as mono (samples,) float32 at `sample_rate`, integer formats in [-1, 1).

    The result has round(seconds x sample_rate) samples. Channels are averaged before resampling.

    Args:
        source: value of wav.scp: a file, `file.ark:offset`, `file.h5@rate:clip` (needs h5py), or
            `command |` that writes audio to its output; any format that libsndfile reads (WAV,
            FLAC, Ogg, MP3, ...), and files in other formats if ffmpeg is installed
        sample_rate: sample rate of the result in Hz
        channel: number of the channel, from 0; None = the mean of all channels
        start: seconds into the audio
        end: seconds into the audio; None = to its end
        resampler: "torchaudio" is that of the reference and may give one sample more

    Raises:
        AudioError: if the audio cannot be read, is empty, silent (all samples equal), shorter than
            the segment, or has samples that are not finite.
    """
    samples, rate = _decode(source, start, end)
    if not len(samples):
        raise AudioError(f"empty: no audio from {start:g} s" if start else "empty: no audio")
    if end is not None and start + len(samples) / rate < end - OVERSHOOT:
        raise AudioError(
            f"too short: ends at {start + len(samples) / rate:.2f} s, its segment at {end:g} s"
        )
    if channel is not None and channel >= samples.shape[1]:
        raise AudioError(f"no channel {channel}: there are {samples.shape[1]}, from 0")
    mono = _mean(samples) if channel is None else samples[:, channel]
    least, greatest = mono.min(), mono.max()
    if not np.isfinite(least) or not np.isfinite(greatest):  # a single NaN makes both NaN
        raise AudioError("not finite: samples are NaN or infinite")
    if least == greatest:
        raise AudioError(f"silent: all {len(mono)} samples are {mono[0]:g}")
    return _resampled(mono, rate, sample_rate, resampler)


def audio_duration(source: str) -> float:
    """Return the duration of audio in seconds, from its header where possible.

    Raises:
        AudioError: if the audio cannot be read.
    """
    if packed := packed_clip(source):
        return _packed_length(packed) / packed.rate
    try:
        with _open(source) as audio:
            return audio.frames / audio.samplerate
    except soundfile.LibsndfileError as error:
        samples, rate = _decode_by_ffmpeg(source, error)
        return len(samples) / rate


def _decode(source: str, start: float, end: float | None) -> tuple[np.ndarray, int]:
    """Return (samples, channels) float32 and the rate; fewer samples where the audio ends."""
    if packed := packed_clip(source):
        return _decode_packed(packed, start, end), packed.rate
    try:
        audio = _open(source)
    except soundfile.LibsndfileError as error:
        samples, rate = _decode_by_ffmpeg(source, error)
        first, count = _segment(start, end, rate, len(samples))
        return samples[first : first + count], rate
    with audio:
        rate = audio.samplerate
        try:
            first, count = _segment(start, end, rate, audio.frames)
            audio.seek(first)
            return _samples(audio, count), rate
        except soundfile.LibsndfileError as error:
            raise AudioError(f"damaged: {error.error_string}") from None


def _samples(audio: soundfile.SoundFile, count: int) -> np.ndarray:
    if audio.subtype != "PCM_16":
        return audio.read(count, dtype="float32", always_2d=True)
    # The same values as from libsndfile's own conversion, in a fifth of the time.
    return audio.read(count, dtype="int16", always_2d=True) * np.float32(1 / 32768)


def _decode_packed(packed: PackedClip, start: float, end: float | None) -> np.ndarray:
    from asda.corpus.hdf5 import read_packed

    first, count = _segment(start, end, packed.rate, _packed_length(packed))
    with _hdf5_errors(packed):
        return read_packed(packed.path, packed.clip, first, count)[:, None]


def _packed_length(packed: PackedClip) -> int:
    from asda.corpus.hdf5 import packed_length

    with _hdf5_errors(packed):
        return packed_length(packed.path, packed.clip)


@contextmanager
def _hdf5_errors(packed: PackedClip) -> Iterator[None]:
    try:
        yield
    except ImportError:
        raise AudioError(f"{packed.path}: HDF5 files need h5py: pip install h5py") from None
    except (OSError, KeyError, ValueError) as error:
        raise AudioError(f"{packed}: {error.args[-1]}") from None


def _segment(start: float, end: float | None, rate: int, available: int) -> tuple[int, int]:
    """Return first sample and number of samples of a segment, limited to those available."""
    first = min(round(start * rate), available)
    wanted = available if end is None else round((end - start) * rate)
    return first, max(0, min(wanted, available - first))


def _open(source: str) -> soundfile.SoundFile:
    """Open a value of wav.scp; raises libsndfile's own error if it does not know the format."""
    if source.endswith("|"):
        return soundfile.SoundFile(
            io.BytesIO(_output_of(["bash", "-o", "pipefail", "-c", source[:-1]]))
        )
    path, offset = split_source(source)
    if path is not None and isinstance(offset, int):
        return soundfile.SoundFile(io.BytesIO(_archived(path, offset)))
    if not os.path.isfile(source):
        raise AudioError(f"no such file: {source}")
    if not os.path.getsize(source):
        raise AudioError(f"empty file: {source}")
    try:
        return soundfile.SoundFile(source)
    except UnicodeEncodeError:
        raise AudioError(f"name is not UTF-8: {source!a}; rename the file") from None


def _archived(path: str, offset: int) -> bytes:
    """Return the audio file inside an archive: WAV, or what kaldiio wrote with soundfile."""
    try:
        with open(path, "rb") as stream:
            stream.seek(offset)
            head = stream.read(8)
            if head.startswith(b"RIFF"):
                return head + stream.read(int.from_bytes(head[4:], "little"))
            if head.startswith(b"AUDIO"):
                stream.seek(offset + 6)
                return stream.read(int.from_bytes(stream.read(head[5]), "little"))
    except OSError as error:
        raise AudioError(f"{error.strerror}: {path}") from None
    raise AudioError(f"no audio at byte {offset} of {path}")


def _decode_by_ffmpeg(source: str, error: soundfile.LibsndfileError) -> tuple[np.ndarray, int]:
    """Return all samples of a file, since ffmpeg's own seeking is off by part of a packet."""
    if not os.path.isfile(source):
        raise AudioError(f"unreadable: {error.error_string}")
    if not shutil.which("ffmpeg"):
        raise AudioError(
            f"unreadable: {error.error_string} Install ffmpeg, which reads more formats"
        )
    # AU has float samples, and its header allows an unknown length.
    options = ["-map", "0:a:0", "-c:a", "pcm_f32be", "-f", "au", "-"]
    decoded = _output_of(["ffmpeg", "-nostdin", "-v", "error", "-i", source, *options])
    return soundfile.read(io.BytesIO(decoded), dtype="float32", always_2d=True)


def _output_of(command: list[str]) -> bytes:
    ran = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if ran.returncode:
        said = ran.stderr.decode(errors="replace").strip().splitlines() or ["no message"]
        raise AudioError(f"{command[0]} failed with status {ran.returncode}: {said[-1]}")
    return ran.stdout


def _mean(samples: np.ndarray) -> np.ndarray:
    channels = samples.shape[1]
    if channels == 1:
        return samples[:, 0]
    # A matrix product: numpy's mean over a short axis takes 20 times as long.
    return samples @ np.full(channels, 1 / channels, np.float32)


def _resampled(mono: np.ndarray, rate: int, sample_rate: int, resampler: str) -> np.ndarray:
    if rate == sample_rate:
        return np.ascontiguousarray(mono)
    if resampler == "torchaudio":
        import torch
        import torchaudio

        waveform = torch.from_numpy(np.ascontiguousarray(mono))
        return torchaudio.functional.resample(waveform, rate, sample_rate).numpy()
    length = round(len(mono) / rate * sample_rate)  # soxr rounds halves up
    return soxr.resample(mono, rate, sample_rate, quality="HQ")[:length]
