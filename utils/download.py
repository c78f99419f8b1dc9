#!/usr/bin/env python3
"""Download a file; interrupted downloads resume (standard library only).

usage: utils/download.py URL FILE [SHA256 or MD5]
"""

from __future__ import annotations

import hashlib
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

BLOCK = 1 << 20
TRIES = 3


def download(url: str, target: Path) -> None:
    """Download `url` to `target`.part and rename it to `target` once it is complete.

    Raises:
        OSError: if the server or the connection fails.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    done = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={done}-"} if done else {})
    with urllib.request.urlopen(request, timeout=60) as answer:
        continued = answer.status == 206  # otherwise the server sends the whole file
        size = int(answer.headers.get("Content-Length", 0)) + (done if continued else 0)
        with open(part, "ab" if continued else "wb") as stream:
            while block := answer.read(BLOCK):
                stream.write(block)
                show_progress(stream.tell(), size)
    # Without Content-Length a truncated answer goes unnoticed here, but not when it is unpacked.
    if size and part.stat().st_size < size:
        raise OSError(f"the connection ended after {part.stat().st_size} of {size} bytes")
    part.replace(target)


def show_progress(done: int, size: int) -> None:
    if sys.stderr.isatty():
        total = f" of {size / 1e6:.0f}" if size else ""
        print(f"\r{done / 1e6:.0f}{total} MB", end="", file=sys.stderr)


def download_with_retries(url: str, target: Path) -> None:
    """Try a few times, resuming each time; exit with a one-line message if all attempts fail."""
    for attempt in range(1, TRIES + 1):
        try:
            return download(url, target)
        except OSError as error:
            if isinstance(error, urllib.error.HTTPError) and error.code == 416:
                target.with_name(
                    f"{target.name}.part"
                ).unlink()  # longer than the remote file: start over
            if attempt == TRIES:
                sys.exit(
                    f"download.py: error: {url}: {error}; run again to resume, or download it to "
                    f"{target} by other means"
                )
            time.sleep(attempt)


def checksum_of(path: Path, kind: str) -> str:
    digest = hashlib.new(kind)
    with open(path, "rb") as stream:
        while block := stream.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def main() -> None:
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    url, target = sys.argv[1], Path(sys.argv[2])
    if not target.exists():
        download_with_retries(url, target)
    if len(sys.argv) == 4:
        kind = "SHA-256" if len(sys.argv[3]) == 64 else "MD5"
        found = checksum_of(target, kind.replace("-", "").lower())
        if found != sys.argv[3]:
            sys.exit(
                f"download.py: error: {target} has {kind} {found}, expected {sys.argv[3]}; "
                "remove it and run again"
            )


if __name__ == "__main__":
    main()
