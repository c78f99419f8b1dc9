"""Open the audio that a value of wav.scp names: a file, a part of an archive, or a command."""

from __future__ import annotations

import io
import os
import stat
import subprocess
from typing import BinaryIO, NamedTuple, cast

from asda.audio.audio_error import AudioError
from asda.audio.formats.containers import STREAM_SIZE
from asda.audio.wav_scp import is_command, refuse_if_forbidden, split_source


class Recording(NamedTuple):
    """An audio file, on disk or in memory; exactly one of `path` and `data` is given.

    Args:
        name: what messages call it
        path: path of the file
        data: content of the file
        version: changes when the file on disk changes
    """

    name: str
    path: str | None = None
    data: bytes | None = None
    version: tuple[int, int] = (0, 0)

    def open(self) -> BinaryIO:
        """Return the bytes as a stream that can seek."""
        if self.path is not None:
            return cast(BinaryIO, open(self.path, "rb", buffering=0))
        return io.BytesIO(self.data or b"")


def open_recording(source: str) -> Recording:
    """Return the recording of a value of wav.scp.

    Raises:
        AudioError: if there is no such file, it is empty or not a file, or the command fails or is
            forbidden.
    """
    if is_command(source):
        refuse_if_forbidden()
        output = output_of(["bash", "-o", "pipefail", "-c", source[:-1]])
        if not output:
            raise AudioError("empty: the command writes nothing")
        return Recording("what the command writes", data=output)
    path, offset = split_source(source)
    if path is not None and isinstance(offset, int):
        return Recording(source, data=_archived(path, offset))
    status = _status(source)
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "a pipe or device"
        raise AudioError(f"not a file but {kind}: {source}")
    if not status.st_size:
        raise AudioError(f"empty file: {source}")
    return Recording(source, path=source, version=(status.st_size, status.st_mtime_ns))


def output_of(command: list[str]) -> bytes:
    """Return what a command writes to its output.

    Raises:
        AudioError: if it fails, with the last line of what it says.
    """
    ran = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        start_new_session=True,  # Ctrl-C is for a training, which first finishes its update
    )
    if ran.returncode:
        said = ran.stderr.decode(errors="replace").strip().splitlines() or ["no message"]
        raise AudioError(f"{command[0]} failed with status {ran.returncode}: {said[-1]}")
    return ran.stdout


def _status(path: str) -> os.stat_result:
    try:
        path.encode()
        return os.stat(path)
    except UnicodeEncodeError:
        raise AudioError(f"name is not UTF-8: {path!a}; rename the file") from None
    except FileNotFoundError:
        broken = " (a link to a file that is gone)" if os.path.islink(path) else ""
        raise AudioError(f"no such file: {path}{broken}") from None


def _archived(path: str, offset: int) -> bytes:
    """Return the audio file inside an archive: WAV, or what kaldiio wrote with soundfile."""
    with open(path, "rb") as stream:
        stream.seek(offset)
        head = stream.read(8)
        if head.startswith(b"RIFF"):
            size = int.from_bytes(head[4:], "little")
            if not 0 < size < STREAM_SIZE:
                raise AudioError(f"WAV of unknown length inside an archive: {path}:{offset}")
            return head + stream.read(size)
        if head.startswith(b"AUDIO"):
            stream.seek(offset + 6)
            return stream.read(int.from_bytes(stream.read(head[5]), "little"))
    raise AudioError(f"no audio at byte {offset} of {path}")
