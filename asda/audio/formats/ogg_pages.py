"""Pages of an Ogg file: joined files, and files that end in the middle of a page."""

from __future__ import annotations

import zlib

from asda.audio.formats.header_check import Content, HeaderCheck

MAGIC = b"OggS"
FIXED_PART, FIRST_PAGE = 27, 2  # bytes of a page's header; flag of a stream's first page
CHECKSUM = slice(22, 26)  # of the page, computed with zeros in its place
REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def check_ogg(content: Content) -> HeaderCheck:
    """Compare the pages of an Ogg file with what libsndfile reads: the first of joined files."""
    data = content.at(0)
    joined_at: list[int] = []
    numbers: dict[bytes, int] = {}  # of the last page of each stream
    position, in_header = 0, True  # a file may begin with pages of several streams
    complete, damaged = True, False
    while (position := data.find(MAGIC, position)) >= 0:
        head = data[position : position + FIXED_PART]
        body = position + FIXED_PART + (head[26] if len(head) == FIXED_PART else 0)
        end = body + sum(data[position + FIXED_PART : body])
        if len(head) < FIXED_PART or end > len(data):
            return HeaderCheck(exact=False, incomplete=True, joined_at=tuple(joined_at))
        damaged |= _checksum(data[position:end]) != int.from_bytes(head[CHECKSUM], "little")
        stream, number = head[14:18], int.from_bytes(head[18:22], "little")
        first = bool(head[5] & FIRST_PAGE)
        if first and not in_header:
            joined_at.append(position)
        complete &= first or number == numbers.get(stream, number) + 1
        numbers[stream] = number
        in_header, position = first, end
    # Decoders skip a damaged page, and with the last one the length that it states.
    exact = complete and not damaged
    return HeaderCheck(exact=exact, damaged=damaged, joined_at=tuple(joined_at))


def _checksum(page: bytes) -> int:
    """Return the CRC that Ogg prescribes: zlib's, but of bits in the opposite order."""
    blank = page[: CHECKSUM.start] + bytes(4) + page[CHECKSUM.stop :]
    crc = zlib.crc32(blank.translate(REVERSED), 0xFFFF_FFFF) ^ 0xFFFF_FFFF
    return int(f"{crc:032b}"[::-1], 2)
