"""The last frame of a FLAC file: where its audio ends, whatever its header says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from asda.audio.formats.header_check import UNKNOWN, Content, HeaderCheck, end_of_id3

MAGIC = b"fLaC"
JOINED = re.compile(rb"fLaC[\0\x80]\0\0\x22")  # the start of another file
# A longer file would take long to search for a second one, joined to it; it is searched only if
# the last frame is not the one that the header states.
SEARCHED = 1 << 20
TAILS = (1 << 16, 1 << 20)  # bytes at the end in which the last frames are looked for
SYNC_CODES = (b"\xff\xf8", b"\xff\xf9")  # frames of a fixed, of a variable number of samples


class Frame(NamedTuple):
    """A frame: the indices of its first sample and of the sample after its last one."""

    first: int
    end: int


def check_flac(content: Content) -> HeaderCheck:
    """Compare the number of samples in a FLAC file's header with its last frame."""
    start, size = end_of_id3(content), content.size
    info = content.at(start, 26)
    if len(info) < 26:
        return UNKNOWN
    stated = int.from_bytes(info[21:26], "big") & 0xF_FFFF_FFFF
    end = _last_sample(content, start, int.from_bytes(info[10:12], "big"), stated)
    suspicious = size <= SEARCHED or end != stated
    if suspicious and (joined := JOINED.search(content.at(start), len(MAGIC))):
        return HeaderCheck(exact=False, joined_at=(start + joined.start(),))
    if end is None or end == stated:
        return HeaderCheck(exact=stated > 0)
    corrected = bytes([info[21] & 0xF0 | end >> 32]) + (end & 0xFFFF_FFFF).to_bytes(4, "big")
    present = min(1.0, end / stated) if stated else 1.0
    return HeaderCheck(exact=False, present=present, corrections=((start + 21, 5, corrected),))


def _last_sample(content: Content, start: int, block: int, stated: int) -> int | None:
    """Return the number of samples up to the end of the last frame; None if none is found.

    Args:
        content: content of the file
        start: position of its header
        block: number of samples of its frames, if that is fixed
        stated: number of samples according to the header
    """
    for tail in TAILS:
        found: list[Frame] = []
        for frame in _frames_backwards(content.at(max(start, content.size - tail)), block):
            if frame.end == stated and not found:
                return stated
            # Other bytes can look like a frame, but hardly like the one before another.
            if after := [other for other in found if other.first == frame.end]:
                return after[0].end
            if frame.first == 0:
                return frame.end
            found.append(frame)
    return None


def _frames_backwards(tail: bytes, block: int) -> Iterator[Frame]:
    """Yield what looks like a frame, the last one first."""
    position = len(tail)
    while position > 0:
        position = max(tail.rfind(code, 0, position) for code in SYNC_CODES)
        if position >= 0 and (frame := _frame(tail[position : position + 16], block)):
            yield frame


def _frame(head: bytes, block: int) -> Frame | None:
    """Interpret the header of a frame; None if it is none."""
    if len(head) < 6 or head[2] >> 4 == 0 or head[2] & 15 == 15 or head[3] & 1:
        return None
    number, position = _coded_number(head, 4)
    if number is None:
        return None
    size = head[2] >> 4
    if size in (6, 7):  # the number of samples follows, in one or two bytes
        samples = int.from_bytes(head[position : position + size - 5], "big") + 1
        position += size - 5
    else:
        samples = 192 if size == 1 else 576 << size - 2 if size < 6 else 256 << size - 8
    position += {12: 1, 13: 2, 14: 2}.get(head[2] & 15, 0)  # the sample rate
    if position >= len(head) or _crc8(head[:position]) != head[position]:
        return None
    first = number if head[1] & 1 else number * block
    return Frame(first, first + samples)


def _coded_number(head: bytes, position: int) -> tuple[int | None, int]:
    """Return the number coded as in UTF-8 and the position after it; None if there is none."""
    first = head[position]
    if first < 0x80:
        return first, position + 1
    more = 8 - (first ^ 0xFF).bit_length()  # bytes in all, the number of leading ones
    rest = head[position + 1 : position + more]
    if not 2 <= more <= 7 or len(rest) < more - 1 or any(byte >> 6 != 2 for byte in rest):
        return None, position
    number = first & (1 << 7 - more) - 1
    for byte in rest:
        number = number << 6 | byte & 0x3F
    return number, position + more


def _crc8(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ (0x07 if crc & 0x80 else 0)) & 0xFF
    return crc
