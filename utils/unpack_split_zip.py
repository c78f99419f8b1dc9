#!/usr/bin/env python3
"""Unpack a split ZIP archive: NAME.z01, NAME.z02, ..., NAME.zip (standard library only).

usage: utils/unpack_split_zip.py NAME.zip DIR

The parts are read in place; joining them first would need their total size in disk space.
"""

from __future__ import annotations

import struct
import sys
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from asda.files import InputError
from asda.registry.unpacking import safe_path

BLOCK = 1 << 20
LOCAL_HEADER = 30  # bytes; ends with the lengths of the name and extra field that follow


class DamagedError(Exception):
    """The archive cannot be unpacked; the message is one line."""


def parts_of(archive: Path) -> list[Path]:
    """Return the parts in order; the last one is NAME.zip itself."""
    parts = sorted(archive.parent.glob(f"{archive.stem}.z[0-9][0-9]"))
    for number, part in enumerate(parts, 1):
        if part.suffix != f".z{number:02d}":
            raise DamagedError(f"{archive.with_suffix(f'.z{number:02d}')}: no such file")
    return [*parts, archive]


def read_across(parts: list[Path], part: int, offset: int, count: int) -> Iterator[bytes]:
    """Yield `count` bytes starting at `offset` in a part, continuing in the following parts."""
    while count:
        with open(parts[part], "rb") as stream:
            stream.seek(offset)
            while count and (block := stream.read(min(BLOCK, count))):
                yield block
                count -= len(block)
        part, offset = part + 1, 0
        if count and part == len(parts):
            raise DamagedError(f"{parts[-1]}: truncated, {count} bytes are missing")


def content_of(parts: list[Path], entry: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield the uncompressed content of one file in the archive."""
    header = b"".join(read_across(parts, entry.volume, entry.header_offset, LOCAL_HEADER))
    if not header.startswith(b"PK\3\4"):
        raise DamagedError(f"{parts[entry.volume]}: no file header at byte {entry.header_offset}")
    start = entry.header_offset + LOCAL_HEADER + sum(struct.unpack("<HH", header[-4:]))
    part = entry.volume
    while start >= parts[part].stat().st_size:
        start -= parts[part].stat().st_size
        part += 1
    blocks = read_across(parts, part, start, entry.compress_size)
    if entry.compress_type == zipfile.ZIP_STORED:
        yield from blocks
    elif entry.compress_type == zipfile.ZIP_DEFLATED:
        inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        for block in blocks:
            while block:  # not all at once: a block of zeros may become a thousand of them
                yield inflate.decompress(block, BLOCK)
                block = inflate.unconsumed_tail
        yield inflate.flush()
    else:
        raise DamagedError(f"{parts[-1]}: unsupported compression of '{entry.filename}'")


def unpack(parts: list[Path], entry: zipfile.ZipInfo, folder: Path) -> None:
    """Unpack one file and verify its checksum."""
    try:
        path = folder / safe_path(entry.filename)
    except InputError as error:
        raise DamagedError(f"{parts[-1]}: {error}") from None
    if entry.is_dir():
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    checksum = 0
    with open(path, "wb") as stream:
        for block in content_of(parts, entry):
            checksum = zlib.crc32(block, checksum)
            stream.write(block)
    if checksum != entry.CRC:
        raise DamagedError(f"{parts[-1]}: wrong checksum of '{entry.filename}'")


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    archive, folder = Path(sys.argv[1]), Path(sys.argv[2])
    try:
        parts = parts_of(archive)
        with zipfile.ZipFile(archive) as directory:  # the last part holds the directory
            entries = directory.infolist()
        for entry in entries:
            if entry.volume >= len(parts):
                raise DamagedError(
                    f"{archive.with_suffix(f'.z{entry.volume + 1:02d}')}: no such file"
                )
            unpack(parts, entry, folder)
    except (DamagedError, OSError, zipfile.BadZipFile, zlib.error) as error:
        sys.exit(f"unpack_split_zip.py: error: {error}")
    print(f"{len(entries)} files in {folder}")


if __name__ == "__main__":
    main()
