"""Find out by its bytes how an audio file is to be read."""

from __future__ import annotations

import functools

from asda.audio.audio_error import AudioError
from asda.audio.formats import containers, flac_frames, mp4_boxes, ogg_pages
from asda.audio.formats.mp3_frames import judge_mp3
from asda.audio.formats.verdict import UNKNOWN, Content, Verdict, end_of_id3
from asda.audio.recording import Recording
from asda.audio.unreadable import what_it_is


def files_in(recording: Recording) -> list[tuple[Recording, Verdict]]:
    """Return the files of a recording, more than one if they were joined, and how to read them."""
    files: list[tuple[Recording, Verdict]] = []
    todo = [recording]
    while todo:
        first = todo.pop(0)
        verdict = _verdict(first)
        if verdict.cuts or verdict.inner:
            todo[:0] = parts_of(first, verdict)
        else:
            files.append((first, verdict))
    return files


def _verdict(recording: Recording) -> Verdict:
    if recording.path is None:
        return _judge(recording)
    return _judged_file(recording)  # segments of one recording are read one after the other


@functools.lru_cache(4096)
def _judged_file(recording: Recording) -> Verdict:
    return _judge(recording)


def _judge(recording: Recording) -> Verdict:
    with recording.open() as stream:
        content = Content(stream)
        magic = content.at(0, 4)
        if magic in containers.CONTAINERS:
            return containers.judge_container(content)
        if magic == ogg_pages.MAGIC:
            return ogg_pages.judge_ogg(content)
        if mp4_boxes.is_mp4(content):
            return mp4_boxes.judge_mp4(content)
        start = end_of_id3(content)
        if content.at(start, 4) == flac_frames.MAGIC:
            return flac_frames.judge_flac(content)
        if kind := what_it_is(content):
            raise AudioError(f"not audio but {kind}: {recording.name}")
        # MP3 has no mark of its own at its start; its other sign is a frame's first eleven bits.
        if start or magic >= b"\xff\xe0" or recording.name.lower().endswith(".mp3"):
            return judge_mp3(content)
    return UNKNOWN


def parts_of(recording: Recording, verdict: Verdict) -> list[Recording]:
    """Return the files that were joined in a recording, or its one file with a correct header."""
    with recording.open() as stream:
        parts = verdict.parts(stream.read())
    return [Recording(recording.name, data=part) for part in parts]
