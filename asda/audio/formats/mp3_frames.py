"""Frames of an MPEG audio file (MP3), counted, since its header has no length or a wrong one."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import NamedTuple

from asda.audio.formats.header_check import UNKNOWN, Content, HeaderCheck, end_of_id3

KBITS = {  # kbit/s by version (1; 2 and 2.5) and layer
    (1, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
RATES = (44100, 48000, 32000)  # Hz in version 1; half in version 2, a quarter in version 2.5
SEARCHED = 1 << 16  # bytes in which the first frame must be found


class Frame(NamedTuple):
    """What the header of a frame says.

    Args:
        length: bytes, header included
        kind: version, layer and sample rate (Hz), which all frames of a file have in common
        samples: samples per channel
    """

    length: int
    kind: tuple[float, int, int]
    samples: int


class Info(NamedTuple):
    """The frame without audio that encoders put first.

    Args:
        position: where the number of frames stands in the file
        frames: number of frames that it states; None if it leaves it out
        size: number of bytes that it states; None if it leaves it out
        padding: samples before and after the audio that decoders leave out; None if not stated
    """

    position: int
    frames: int | None
    size: int | None
    padding: int | None = None


def check_mp3(content: Content) -> HeaderCheck:
    """Count the frames of an MP3 file and compare their number with that in its Info frame."""
    data = content.at(0)
    start = end_of_id3(content)
    start = _next_frame(data, start, start + SEARCHED)
    first = _frame(data[start : start + 3]) if start >= 0 else None
    if first is None:
        return UNKNOWN
    count = 0
    for position, frame in _frames(data, start):
        if count and (frame.kind != first.kind or _info(data, position)):
            return HeaderCheck(exact=False, joined_at=(position,))
        count += 1
    info = _info(data, start)
    if info is not None:
        return _compared(info, count - 1, len(data) - start, first.samples)
    # libsndfile takes the length of such a file to be its size divided by that of its first frame.
    missing = max(0, count * first.length - len(data))
    return HeaderCheck(exact=False, samples=count * first.samples, tag_size=missing)


def _compared(info: Info, count: int, size: int, samples: int) -> HeaderCheck:
    """Check a file whose Info frame may state more frames than there are.

    Args:
        info: the Info frame
        count: number of frames with audio
        size: bytes from the Info frame on
        samples: samples per frame
    """
    if info.frames is None:
        return UNKNOWN
    if 0 <= info.frames - count <= 1:  # some encoders count the Info frame
        return HeaderCheck(exact=info.padding is not None and info.frames == count)
    cut_off = info.frames > count and (info.size is None or info.size > size)
    padding = info.padding or 0
    present = (count * samples - padding) / (info.frames * samples - padding) if cut_off else 1.0
    correction = (info.position, 4, count.to_bytes(4, "big"))
    return HeaderCheck(exact=False, present=max(present, 0.0), corrections=(correction,))


@functools.lru_cache(4096)
def _frame(head: bytes) -> Frame | None:
    """Interpret the first three bytes of a frame; None if no frame can begin so."""
    if len(head) < 3 or head[0] != 0xFF or head[1] < 0xE0:
        return None
    version, layer = (2.5, 0, 2, 1)[head[1] >> 3 & 3], 4 - (head[1] >> 1 & 3)
    bitrate, rate = head[2] >> 4, head[2] >> 2 & 3
    if not version or layer == 4 or bitrate in (0, 15) or rate == 3:
        return None
    hertz = RATES[rate] if version == 1 else RATES[rate] // (2 if version == 2 else 4)
    bits = 1000 * KBITS[1 if version == 1 else 2, layer][bitrate - 1]
    padding = head[2] >> 1 & 1
    if layer == 1:
        length = (12 * bits // hertz + padding) * 4
    else:
        length = (72 if layer == 3 and version != 1 else 144) * bits // hertz + padding
    samples = {1: 384, 2: 1152, 3: 1152 if version == 1 else 576}[layer]
    return Frame(length, (version, layer, hertz), samples)


def _frames(data: bytes, position: int) -> Iterator[tuple[int, Frame]]:
    """Yield the position and header of all complete frames; what lies between is passed over."""
    while 0 <= position < len(data):
        frame = _frame(data[position : position + 3])
        if frame is None:
            position = _next_frame(data, position, len(data))
            continue
        if position + frame.length <= len(data):
            yield position, frame
        position += frame.length


def _next_frame(data: bytes, position: int, stop: int) -> int:
    """Return the position of the next frame that two others follow; -1 if there is none."""
    while (position := data.find(b"\xff", position, stop)) >= 0:
        frame = following = _frame(data[position : position + 3])
        end = position
        for _ in range(2):
            end += following.length if following else 0
            following = _frame(data[end : end + 3]) if following else None
            if following and frame and following.kind != frame.kind:
                following = None
        if following:
            return position
        position += 1
    return -1


def _info(data: bytes, start: int) -> Info | None:
    """Return what the Info frame at a position says; None if the frame is an ordinary one."""
    tag = _info_offset(data, start)
    if data[tag : tag + 4] in (b"Xing", b"Info"):
        flags = data[tag + 7]
        frames = int.from_bytes(data[tag + 8 : tag + 12], "big") if flags & 1 else None
        size_at = tag + 8 + 4 * (flags & 1)
        size = int.from_bytes(data[size_at : size_at + 4], "big") if flags & 2 else None
        return Info(tag + 8, frames, size, _padding(data[tag + 120 : tag + 144]))
    if data[start + 36 : start + 40] == b"VBRI":
        size = int.from_bytes(data[start + 46 : start + 50], "big")
        return Info(start + 50, int.from_bytes(data[start + 50 : start + 54], "big"), size)
    return None


def _padding(encoder: bytes) -> int | None:
    """Return the padding, in two numbers of 12 bits, in what an encoder says about itself."""
    if encoder[:3] not in (b"LAM", b"Lav"):
        return None
    numbers = int.from_bytes(encoder[21:24], "big")
    return (numbers >> 12) + (numbers & 0xFFF)


def _info_offset(data: bytes, start: int) -> int:
    """Return the position after the side information, which depends on version and channels."""
    mono, version_1 = data[start + 3] >> 6 == 3, data[start + 1] >> 3 & 3 == 3
    return start + 4 + ((17 if mono else 32) if version_1 else (9 if mono else 17))
