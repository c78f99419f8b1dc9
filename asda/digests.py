"""Digests of values, files and tables: 16 hexadecimal digits that change with the content.

They are recorded in dumps, experiments and results, so a change of their form would make all of
these look outdated.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

DIGITS = 16
CHUNK_BYTES = 1 << 20


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
