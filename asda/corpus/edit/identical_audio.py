"""Find clips whose audio is the same, byte for byte, in limited time."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor

from asda.audio.wav_scp import AudioSegment, split_source
from asda.corpus.datadir import keys_by_value
from asda.digests import file_digest

THREADS = 16
PROBE = 4096  # bytes from the middle of a file, which tell most files of one size apart


class TimeLimitError(Exception):
    """The comparison would take too long."""


def identical_audio(clips: Mapping[str, AudioSegment], limit: float) -> list[list[str]]:
    """Return groups of clips that are identical: the same times in files with the same bytes.

    Files are compared by content; commands and locations in archives by their text in wav.scp.

    Args:
        clips: name -> audio
        limit: seconds

    Raises:
        TimeLimitError: if the files cannot be compared within the limit.
    """
    content = _content_ids({clip.source for clip in clips.values()}, time.monotonic() + limit)
    groups = keys_by_value(
        (name, f"{content.get(clip.source, clip.source)} {clip.start} {clip.end}")
        for name, clip in clips.items()
    )
    return [group for group in groups.values() if len(group) > 1]


def _content_ids(sources: Collection[str], end: float) -> dict[str, str]:
    """Return source -> an ID of its content, for files whose content another file has as well.

    Files are told apart by size, then by a probe, then by all of their bytes.
    """
    ids = {path: "" for path in sources if split_source(path)[0] == path}
    with ThreadPoolExecutor(THREADS) as threads:
        for property_of in (_size, _probe, file_digest):

            def read(path: str, property_of: Callable[[str], str] = property_of) -> str:
                return _property(path, property_of, end)

            found = dict(zip(ids, threads.map(read, ids), strict=True))
            ids = {path: f"{ids[path]} {text}" for path, text in found.items() if text}
            counts = Counter(ids.values())
            ids = {path: text for path, text in ids.items() if counts[text] > 1}
    return ids


def _property(path: str, property_of: Callable[[str], str], end: float) -> str:
    if time.monotonic() > end:
        raise TimeLimitError
    try:
        return property_of(path)
    except OSError:  # what cannot be read is reported elsewhere, and identical to nothing
        return ""


def _size(path: str) -> str:
    size = os.stat(path).st_size
    return str(size) if size else ""


def _probe(path: str) -> str:
    with open(path, "rb") as stream:
        stream.seek(os.stat(path).st_size // 2)
        return stream.read(PROBE).hex()
