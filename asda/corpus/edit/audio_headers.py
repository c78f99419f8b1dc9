"""Read the headers of many audio files in limited time."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import time
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import soundfile

from asda.audio.file_parts import files_in
from asda.audio.recording import open_recording
from asda.audio.wav_scp import is_command, packed_clip, split_source
from asda.audio.waveform import AudioError, audio_duration

THREADS = 16  # network file systems have high latency but serve many requests in parallel
PLAIN = ("PCM_16", "PCM_S8", "PCM_U8", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "VORBIS", "OPUS")


class AudioHeader(NamedTuple):
    """What a header says.

    Args:
        seconds: duration
        rate: sample rate in Hz; 0 = unknown
        channels: number of channels; 0 = unknown
        format: container in lower case, with the codec if it is an unusual one: "wav/gsm610"
    """

    seconds: float
    rate: int
    channels: int
    format: str


def read_headers(sources: Collection[str], limit: float) -> Mapping[str, AudioHeader | None]:
    """Return source -> header, None where it cannot be read.

    Args:
        sources: values of wav.scp; those of commands are left out, since they would run
        limit: seconds; sources are read in random order, and those not reached are left out
    """
    end = time.monotonic() + limit
    chosen = [source for source in sources if not is_command(source)]
    random.Random(0).shuffle(chosen)

    def read(source: str) -> tuple[str, AudioHeader | None] | None:
        return (source, _header_or_none(source)) if time.monotonic() < end else None

    with ThreadPoolExecutor(THREADS) as threads:
        return dict(filter(None, threads.map(read, chosen)))


def _header_or_none(source: str) -> AudioHeader | None:
    try:
        return audio_header(source)
    except AudioError:
        return None


def audio_header(source: str) -> AudioHeader:
    """Return what the header of a value of wav.scp says.

    Raises:
        AudioError: if the audio cannot be read.
    """
    if packed := packed_clip(source):
        return AudioHeader(audio_duration(source), packed.rate, 1, "hdf5")
    path, location = split_source(source)
    if path is None or location is not None:
        return AudioHeader(audio_duration(source), 0, 0, "archive")
    suffix = os.path.splitext(path)[1][1:].lower()
    files_in(open_recording(source))  # refuses what is not audio, on which libmpg123 would comment
    try:
        info = soundfile.info(path)
    except (RuntimeError, TypeError, ValueError, OSError):  # unknown to libsndfile, or headerless
        # Asking ffprobe avoids that ffmpeg decodes the whole file.
        return _probed(path, suffix) or AudioHeader(audio_duration(source), 0, 0, suffix)
    name = info.format.lower().removesuffix("ex")  # WAVEX is a way of writing WAV
    if name == "raw":
        name = suffix
    elif info.subtype not in PLAIN and not info.subtype.startswith("MPEG"):
        name += f"/{info.subtype.lower()}"
    return AudioHeader(audio_duration(source), info.samplerate, info.channels, name)


def _probed(path: str, name: str) -> AudioHeader | None:
    """Return what ffprobe says of a file; None if there is no ffprobe, or it does not know."""
    if not shutil.which("ffprobe"):
        return None
    what = [
        "-select_streams",
        "a:0",
        "-show_entries",
        "stream=sample_rate,channels:format=duration",
    ]
    # "file:" keeps ffprobe from taking a name for an option or a protocol.
    command = ["ffprobe", "-v", "error", *what, "-of", "json", f"file:{path}"]
    ran = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    try:
        said = json.loads(ran.stdout)
        [stream] = said["streams"]
        seconds = float(said["format"]["duration"])
        return AudioHeader(seconds, int(stream["sample_rate"]), int(stream["channels"]), name)
    except (ValueError, KeyError):
        return None
