"""Pages of an Ogg file: joined files, and files that end in the middle of a page."""

from __future__ import annotations

from asda.audio.formats.header_check import Content, HeaderCheck

MAGIC = b"OggS"
FIXED_PART, FIRST_PAGE = 27, 2  # bytes of a page's header; flag of a stream's first page


def check_ogg(content: Content) -> HeaderCheck:
    """Compare the pages of an Ogg file with what libsndfile reads: the first of joined files."""
    data = content.at(0)
    joined_at: list[int] = []
    numbers: dict[bytes, int] = {}  # of the last page of each stream
    position, in_header, complete = 0, True, True  # a file may begin with pages of several streams
    while (position := data.find(MAGIC, position)) >= 0:
        head = data[position : position + FIXED_PART]
        body = position + FIXED_PART + (head[26] if len(head) == FIXED_PART else 0)
        end = body + sum(data[position + FIXED_PART : body])
        if len(head) < FIXED_PART or end > len(data):
            return HeaderCheck(exact=False, incomplete=True, joined_at=tuple(joined_at))
        stream, number = head[14:18], int.from_bytes(head[18:22], "little")
        first = bool(head[5] & FIRST_PAGE)
        if first and not in_header:
            joined_at.append(position)
        complete &= first or number == numbers.get(stream, number) + 1
        numbers[stream] = number
        in_header, position = first, end
    return HeaderCheck(exact=complete, joined_at=tuple(joined_at))
