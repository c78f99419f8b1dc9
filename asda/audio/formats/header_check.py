"""The header of an audio file compared with the bytes that follow it."""

from __future__ import annotations

from typing import BinaryIO, NamedTuple

LARGEST_ID3 = (1 << 28) - 1  # bytes
HEAD = 4096  # bytes that hold the header of nearly every file


class HeaderCheck(NamedTuple):
    """The result of a comparison: how a file must be read so that all of its audio is read.

    Args:
        exact: whether the length that libsndfile reports for the file as it is can be trusted
        present: fraction of what the header states that is there; below 1 the file is truncated,
            above 1 there is more that the header does not count
        incomplete: whether the file ends in the middle of a page, where no length is stated
        corrections: (position, bytes to replace, new bytes), which correct the header
        samples: number of samples per channel that libsndfile must count, else a tag is appended
        tag_size: bytes of that tag, which decoders skip; 0 = no tag is needed
        joined_at: positions at which further files begin that were joined to the first one
        embedded_at: position of an audio file inside this one, to be read instead; 0 = none
    """

    exact: bool = True
    present: float = 1.0
    incomplete: bool = False
    corrections: tuple[tuple[int, int, bytes], ...] = ()
    joined_at: tuple[int, ...] = ()
    embedded_at: int = 0
    samples: int = 0
    tag_size: int = 0

    def parts(self, data: bytes) -> list[bytes]:
        """Return the files that were joined in `data`, or the one file with a corrected header."""
        if self.embedded_at:
            return [data[self.embedded_at :]]
        if self.joined_at:
            ends = (*self.joined_at, len(data))
            return [data[a:b] for a, b in zip((0, *self.joined_at), ends, strict=True)]
        for position, count, new in self.corrections:
            data = data[:position] + new + data[position + count :]
        return [data + _id3_of(self.tag_size) if self.tag_size else data]


UNKNOWN = HeaderCheck(exact=False)  # a format whose length only decoding tells


class Content:
    """Bytes of an audio file; the first ones are read once, since most questions are about them.

    Args:
        stream: the file, unbuffered or in memory
    """

    def __init__(self, stream: BinaryIO):
        self.stream = stream
        self.head = stream.read(HEAD)
        self.size = stream.seek(0, 2)

    def at(self, position: int, count: int = -1) -> bytes:
        """Return up to `count` bytes from a position on; -1 = to the end."""
        end = self.size if count < 0 else min(self.size, position + count)
        if end <= max(position, len(self.head)):
            return self.head[position:end]
        self.stream.seek(position)
        # Without a number all is read; with one, the system may stop after 2 GB.
        return self.stream.read() if end == self.size else self.stream.read(end - position)


def end_of_id3(content: Content) -> int:
    """Return the position after the ID3v2 tags at the start of a file; 0 if there are none."""
    position = 0
    while (head := content.at(position, 10))[:3] == b"ID3" and len(head) == 10:
        size = 0
        for byte in head[6:]:  # seven bits each, so that no tag looks like a frame of MP3
            size = size << 7 | byte & 0x7F
        position += 10 + size
    return position


def _id3_of(size: int) -> bytes:
    """Return an empty ID3v2 tag of about `size` bytes."""
    size = min(size, LARGEST_ID3)
    return b"ID3\4\0\0" + bytes(size >> 7 * place & 0x7F for place in (3, 2, 1, 0)) + bytes(size)
