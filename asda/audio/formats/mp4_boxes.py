"""Boxes of an MP4 file (M4A, MOV): joined files, and files that lack their index."""

from __future__ import annotations

from collections.abc import Iterator

from asda.audio.formats.header_check import UNKNOWN, Content, HeaderCheck

FILE_TYPE, INDEX = b"ftyp", b"moov"  # names of the first box, and of the one that tells all lengths


def is_mp4(content: Content) -> bool:
    """Return whether a file begins as MP4 files do."""
    return content.at(4, 4) == FILE_TYPE


def check_mp4(content: Content) -> HeaderCheck:
    """Find files that were joined to the first one, which is all that ffmpeg reads."""
    starts = [position for position, name in _boxes(content) if name == FILE_TYPE]
    return HeaderCheck(exact=False, joined_at=tuple(starts[1:])) if starts[1:] else UNKNOWN


def lacks_index(content: Content) -> bool:
    """Return whether a file is MP4 without the index that is written at its end."""
    return is_mp4(content) and INDEX not in (name for _, name in _boxes(content))


def _boxes(content: Content) -> Iterator[tuple[int, bytes]]:
    """Yield position and name of each box up to the end of the file, or to what is none."""
    position = 0
    while len(head := content.at(position, 16)) >= 8:
        yield position, head[4:8]
        length = int.from_bytes(head[:4], "big")
        if length == 1:  # a length of 64 bits follows
            length = int.from_bytes(head[8:16], "big")
        position += length
        if length < 8 or position > content.size:
            return
