"""Sizes in the headers of WAV, AIFF, AU, W64, CAF and NIST files, compared with the bytes there."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

from asda.audio.formats.header_check import UNKNOWN, Content, HeaderCheck

# What encoders write if they cannot go back to the header: all ones, or nearly 2 GB.
STREAM_SIZE = 0x7F00_0000
AUDIO_CHUNKS = (b"data", b"SSND", b"BODY")  # WAV, W64 and CAF; AIFF; 8SVX
MPEG_FORMATS = (b"\x50\0", b"\x55\0")  # in a WAV file: layers I and II, layer III
NIST_HEADER = 1024


class Layout(NamedTuple):
    """How a container is divided into chunks.

    Args:
        first: position of the first chunk
        header: name and size in a chunk's header, as a format of `struct`
        counts_header: whether the size includes the header
        alignment: chunks begin at multiples of it, in bytes
    """

    first: int
    header: str
    counts_header: bool = False
    alignment: int = 2


class Chunk(NamedTuple):
    """A chunk: its name, where its size stands, where its content begins, and the size."""

    name: bytes
    size_at: int
    start: int
    size: int


class Samples(NamedTuple):
    """The samples in a file.

    Args:
        start: position of the first one
        stated: bytes that the header states
        size_at: position of that number
        size_format: how it is stored, as a format of `struct`
        header: bytes of the chunk's header that are part of that number
        mpeg: whether they are frames of MPEG audio (MP3)
    """

    start: int
    stated: int
    size_at: int
    size_format: str
    header: int = 0
    mpeg: bool = False


LAYOUTS = {
    b"RIFF": Layout(12, "<4sI"),
    b"RIFX": Layout(12, ">4sI"),
    b"RF64": Layout(12, "<4sI"),
    b"BW64": Layout(12, "<4sI"),
    b"FORM": Layout(12, ">4sI"),
    b"riff": Layout(40, "<16sQ", counts_header=True, alignment=8),
    b"caff": Layout(8, ">4sQ", alignment=1),
}
AU_ORDERS = {b".snd": ">I", b"dns.": "<I"}
NIST = b"NIST"
CONTAINERS = (*LAYOUTS, *AU_ORDERS, NIST)


def check_container(content: Content) -> HeaderCheck:
    """Compare the size that a header gives for the samples with the size of the file."""
    samples, size = _samples(content), content.size
    if samples is None or samples.start > size:
        return _check_total_size(content)
    present, stated = size - samples.start, samples.stated
    if stated > present:
        if stated >= STREAM_SIZE:
            return _corrected(samples, present)
        return HeaderCheck(exact=False, present=present / stated)
    end = samples.start + stated
    if content.at(end, 4) in CONTAINERS:
        return HeaderCheck(exact=False, joined_at=(end,))
    if samples.mpeg:  # libsndfile estimates its length, and so it is read as a file of its own
        return HeaderCheck(exact=False, embedded_at=samples.start)
    if stated == present or _are_chunks(content, end, size):
        return HeaderCheck()
    if stated == 0:
        return _corrected(samples, present)
    return HeaderCheck(present=present / stated) if any(content.at(end)) else HeaderCheck()


def _check_total_size(content: Content) -> HeaderCheck:
    """Compare the size that a header gives for the whole file; AVI has samples all over it."""
    stated, present = int.from_bytes(content.at(4, 4), "little"), content.size - 8
    if content.at(0, 4) == b"RIFF" and 0 < present < stated < STREAM_SIZE:
        return HeaderCheck(exact=False, present=present / stated)
    return UNKNOWN


def _corrected(samples: Samples, present: int) -> HeaderCheck:
    """Correct a header without a size: everything that follows it is audio."""
    width, size = struct.calcsize(samples.size_format), present + samples.header
    if not present or size >= 1 << 8 * width:
        return HeaderCheck()
    correction = (samples.size_at, width, struct.pack(samples.size_format, size))
    return HeaderCheck(exact=False, corrections=(correction,))


def _samples(content: Content) -> Samples | None:
    """Find the samples by the header; None if it is incomplete or of another kind."""
    magic = content.at(0, 4)
    if magic == NIST:
        return _nist_samples(content.at(0, NIST_HEADER))
    if magic in AU_ORDERS:
        head = content.at(4, 8)
        if len(head) < 8:
            return None
        start, size = struct.unpack(AU_ORDERS[magic][0] + "2I", head)
        return Samples(start, size, 8, AU_ORDERS[magic])
    layout, large, mpeg = LAYOUTS[magic], None, False
    for chunk in _chunks(content, layout):
        if chunk.name == b"ds64":  # the sizes of RF64, as those of WAV have 32 bits
            large = chunk
        if chunk.name == b"fmt ":
            mpeg = content.at(chunk.start, 2) in MPEG_FORMATS
        if chunk.name[:4] in AUDIO_CHUNKS:
            if large and chunk.size == 0xFFFF_FFFF:
                stated = int.from_bytes(content.at(large.start + 8, 8), "little")
                return Samples(chunk.start, stated, large.start + 8, "<Q")
            size_format = layout.header[0] + layout.header[-1]
            header = struct.calcsize(layout.header) if layout.counts_header else 0
            return Samples(chunk.start, chunk.size, chunk.size_at, size_format, header, mpeg)
    return None


def _chunks(content: Content, layout: Layout) -> Iterator[Chunk]:
    position, width = layout.first, struct.calcsize(layout.header)
    size_width = struct.calcsize(layout.header[0] + layout.header[-1])
    last = content.size - width
    while position <= last:
        name, size = struct.unpack(layout.header, content.at(position, width))
        if layout.counts_header:
            size = max(0, size - width)
        start = position + width
        yield Chunk(name, start - size_width, start, size)
        position = start + -(-size // layout.alignment) * layout.alignment


def _are_chunks(content: Content, position: int, size: int) -> bool:
    """Return whether what follows the samples is further chunks and not samples."""
    layout = LAYOUTS.get(content.at(0, 4))
    if layout is None:
        return False
    for first in {position, -(-position // layout.alignment) * layout.alignment}:
        end = first
        for chunk in _chunks(content, layout._replace(first=first)):
            if not chunk.name[:4].isascii() or not chunk.name[:3].strip(b"\0").isalnum():
                break
            end = chunk.start + chunk.size
        if size - layout.alignment <= end <= size + layout.alignment:
            return True
    return False


def _nist_samples(header: bytes) -> Samples | None:
    """Return the samples of a NIST SPHERE file; None if they are compressed."""
    text = header.decode("ascii", errors="replace")
    fields = dict(re.findall(r"^(\w+) -\w+ (\S+)", text, re.MULTILINE))
    try:
        counts = [int(fields[f"sample_{name}"]) for name in ("count", "n_bytes")]
        stated = counts[0] * counts[1] * int(fields.get("channel_count", 1))
        start = int(text.split()[1])
    except (KeyError, ValueError, IndexError):
        return None
    if fields.get("sample_coding", "pcm") not in ("pcm", "ulaw", "alaw"):
        return None
    return Samples(start, stated, 0, "")
