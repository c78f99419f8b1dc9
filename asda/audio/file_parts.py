"""Find the audio files in a recording, and how each must be read to get all of its audio."""

from __future__ import annotations

import functools

from asda.audio.audio_error import AudioError
from asda.audio.formats import containers, flac_frames, ogg_pages
from asda.audio.formats.header_check import UNKNOWN, Content, HeaderCheck, end_of_id3
from asda.audio.formats.mp3_frames import check_mp3
from asda.audio.recording import Recording
from asda.audio.unreadable import what_it_is


def files_in(recording: Recording) -> list[tuple[Recording, HeaderCheck]]:
    """Return the files of a recording, more than one if they were joined, and how to read them."""
    files: list[tuple[Recording, HeaderCheck]] = []
    todo = [recording]
    while todo:
        first = todo.pop(0)
        check = _check_of(first)
        if check.joined_at or check.embedded_at:
            todo[:0] = parts_of(first, check)
        else:
            files.append((first, check))
    return files


def _check_of(recording: Recording) -> HeaderCheck:
    if recording.path is None:
        return _check_header(recording)
    return _checked_file(recording)  # segments of one recording are read one after the other


@functools.lru_cache(4096)
def _checked_file(recording: Recording) -> HeaderCheck:
    return _check_header(recording)


def _check_header(recording: Recording) -> HeaderCheck:
    with recording.open() as stream:
        content = Content(stream)
        magic = content.at(0, 4)
        if magic in containers.CONTAINERS:
            return containers.check_container(content)
        if magic == ogg_pages.MAGIC:
            return ogg_pages.check_ogg(content)
        start = end_of_id3(content)
        if content.at(start, 4) == flac_frames.MAGIC:
            return flac_frames.check_flac(content)
        if kind := what_it_is(content):
            raise AudioError(f"not audio but {kind}: {recording.name}")
        # MP3 has no mark of its own at its start; its other sign is a frame's first eleven bits.
        if start or magic >= b"\xff\xe0" or recording.name.lower().endswith(".mp3"):
            return check_mp3(content)
    return UNKNOWN


def parts_of(recording: Recording, check: HeaderCheck) -> list[Recording]:
    """Return the files that were joined in a recording, or its one file with a correct header."""
    with recording.open() as stream:
        parts = check.parts(stream.read())
    return [Recording(recording.name, data=part) for part in parts]
