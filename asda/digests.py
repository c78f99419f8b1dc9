"""Digests of values, files and tables: 16 hexadecimal digits that change with the content.

They are recorded in dumps, experiments and results, so a change of their form would make all of
these look outdated.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

DIGITS = 16
CHUNK_BYTES = 1 << 20
SAMPLED_FILES = 4096
SAMPLED_BLOCKS = 1024  # in all files together, but for one in each
BLOCK_BYTES = 4096  # what disks read at once


def value_digest(content: Any) -> str:
    """Return the digest of JSON-like content, independent of the order of keys."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    # Names of files that are not UTF-8 have lone surrogates.
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:DIGITS]


def file_digest(path: str | Path) -> str:
    """Return the digest of the bytes of a file."""
    return file_checksum(path)[:DIGITS]


def file_checksum(path: str | Path, kind: str = "sha256") -> str:
    """Return the whole checksum of a file in hexadecimal digits.

    Args:
        path: the file
        kind: a name that hashlib knows
    """
    found = hashlib.new(kind)
    with open(path, "rb") as stream:  # hashlib.file_digest needs Python 3.11
        while chunk := stream.read(CHUNK_BYTES):
            found.update(chunk)
    return found.hexdigest()


def table_digest(names: Iterable[str], table: Mapping[str, str]) -> str:
    """Return the digest of names in their order, each with its value in a table, if it has one."""
    sha = hashlib.sha256()
    for name in names:
        sha.update(f"{name} {table.get(name, '')}\n".encode())
    return sha.hexdigest()[:DIGITS]


def sampled_digest(paths: Sequence[str]) -> str:
    """Return a digest of sizes and contents of files, but not of their names or times.

    It takes a second for any number of files: of more than 4096 it looks at so many, evenly spaced.
    Of their content, up to 4 MiB are read as a whole, and else 1024 blocks of 4 KiB evenly spaced,
    at least one of each file. So files that were computed again or replaced are noticed, but not
    every change of a single clip. A file that cannot be read counts as missing.
    """
    chosen = paths[:: -(-len(paths) // SAMPLED_FILES) or 1]
    with ThreadPoolExecutor(16) as threads:  # network disks are slow, but serve many at once
        sizes = list(threads.map(_size, chosen))
        spacing = max(BLOCK_BYTES, -(-sum(sizes) // SAMPLED_BLOCKS))
        return value_digest(
            [len(paths), sizes, *threads.map(_sample, chosen, sizes, [spacing] * len(sizes))]
        )


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def _sample(path: str, size: int, spacing: int) -> str | None:
    """Return the digest of blocks of a file, one in the middle of each of its equal parts.

    Args:
        path: the file
        size: its bytes
        spacing: bytes between two blocks, or fewer
    """
    count = max(1, -(-size // spacing))
    sha = hashlib.sha256()
    try:
        with open(path, "rb") as stream:
            for number in range(count):
                middle = (2 * number + 1) * size // (2 * count)
                stream.seek(max(0, middle - BLOCK_BYTES // 2))
                sha.update(stream.read(BLOCK_BYTES))
    except OSError:
        return None
    return sha.hexdigest()
