"""Audio of the formats that libsndfile does not read, decoded by ffmpeg if it is installed."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import numpy as np
import soundfile

from asda.audio.audio_error import AudioError, truncated
from asda.audio.formats.header_check import Content
from asda.audio.recording import Recording
from asda.audio.unreadable import is_shortened, lacks_index

# AU has float samples, and its header allows an unknown length.
OUTPUT = ("-map", "0:a:0", "-c:a", "pcm_f32be", "-f", "au", "-")
CUT = re.compile("partial file|ended prematurely")  # what ffmpeg says of truncated files
NO_AUDIO = "matches no streams"
TOLERANCE = 0.5  # seconds by which a file with errors may be shorter than it states


def decode_by_ffmpeg(recording: Recording, begun: bool = False) -> tuple[np.ndarray, int]:
    """Return all samples (samples, channels) float32 and their rate in Hz.

    All of a file is decoded, since ffmpeg's own seeking is off by part of a packet.

    Args:
        recording: what libsndfile cannot read
        begun: whether libsndfile has read the file up to a fault; then ffmpeg must find none

    Raises:
        AudioError: if ffmpeg is missing or cannot decode it either, or the file is truncated.
    """
    with recording.open() as stream:
        if is_shortened(Content(stream)):
            raise AudioError("compressed by shorten; write in wav.scp: sph2pipe -f wav FILE |")
    if not shutil.which("ffmpeg"):
        fault = "damaged: cannot be decoded to its end" if begun else "unreadable: unknown format"
        raise AudioError(f"{fault}; install ffmpeg, which reads more formats")
    with _on_disk(recording) as path:
        # "file:" keeps ffmpeg from taking the start of a name, up to a colon, for a protocol.
        ran = _run(["-v", "error", "-i", f"file:{path}", *OUTPUT])
        said = ran.stderr.decode(errors="replace")
        if ran.returncode or (begun and said):
            raise _reason(recording, said, begun)
        samples, rate = soundfile.read(io.BytesIO(ran.stdout), dtype="float32", always_2d=True)
        if said:
            _check_length(path, len(samples) / rate, said)
    return samples, rate


def _run(options: list[str], stdin: IO[bytes] | None = None) -> subprocess.CompletedProcess[bytes]:
    command = ["ffmpeg", "-nostdin", *options]
    return subprocess.run(
        command,
        stdin=stdin or subprocess.DEVNULL,
        capture_output=True,
        check=False,
        start_new_session=True,  # Ctrl-C is for a training, which first finishes its update
    )


@contextmanager
def _on_disk(recording: Recording) -> Iterator[str]:
    """Yield the path of a recording; ffmpeg must seek in some formats, which no pipe allows."""
    if recording.path is not None:
        yield recording.path
        return
    with tempfile.NamedTemporaryFile() as file:
        file.write(recording.data or b"")
        file.flush()
        yield file.name


def _reason(recording: Recording, said: str, begun: bool) -> AudioError:
    """Return why nothing was decoded, in the user's words instead of ffmpeg's."""
    if NO_AUDIO in said:
        return AudioError(f"no audio: {recording.name} has no audio stream, perhaps only pictures")
    with recording.open() as stream:
        if lacks_index(Content(stream)):
            return AudioError(
                "truncated: the index at the end of this MP4 file is missing; "
                "copy or download it again"
            )
    if begun:
        return AudioError("damaged: neither libsndfile nor ffmpeg can decode all of it")
    return AudioError("unreadable: neither libsndfile nor ffmpeg can decode it; is it damaged?")


def _check_length(path: str, seconds: float, said: str) -> None:
    """Refuse a file that was decoded with errors and is shorter than it states."""
    stated = max(_stated_seconds(path), _stated_seconds(path, seekable=False))
    if seconds < stated - TOLERANCE:
        raise truncated(seconds, stated)
    if CUT.search(said):
        raise AudioError(f"truncated: it ends after {seconds:.2f} s; copy or download it again")


def _stated_seconds(path: str, seekable: bool = True) -> float:
    """Return the duration in the header of a file, 0 if there is none.

    Of some formats ffmpeg reduces it to what is there, unless it cannot seek.
    """
    with open(path, "rb") as stream:
        source = f"file:{path}" if seekable else "pipe:0"
        said = _run(["-hide_banner", "-i", source], stream).stderr.decode(errors="replace")
    found = re.search(r"Duration: (\d+):(\d+):([\d.]+)", said)
    if not found or "Estimating duration" in said:
        return 0.0
    return int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3])
