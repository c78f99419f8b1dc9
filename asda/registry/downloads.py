"""Downloads over HTTP that continue where an earlier one ended (standard library only)."""

from __future__ import annotations

import errno
import http.client
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from asda.files import blamed_on

BLOCK = 1 << 20
TRIES = 3
TIMEOUT = 30  # seconds without a byte
# A server that answers so may answer otherwise a moment later; other refusals are final.
PASSING = {408, 416, 429}
LOCAL = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS}


def part_of(target: Path) -> Path:
    """Return the file that holds the part downloaded so far."""
    return target.with_name(f"{target.name}.part")


def download(url: str, target: Path) -> None:
    """Download `url` to `target`, continuing where an earlier call ended; try a few times.

    `target` appears once it is complete, which is known if the server states the length.

    Raises:
        OSError: if the server, the connection or the disk fails.
    """
    for attempt in range(1, TRIES + 1):
        try:
            return _download_once(url, target)
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, urllib.error.HTTPError) and error.code == 416:
                part_of(target).unlink()  # longer than the remote file: start over
            if attempt == TRIES or _is_final(error):
                raise error if isinstance(error, OSError) else OSError(str(error)) from error
            time.sleep(attempt)


def _is_final(error: Exception) -> bool:
    if isinstance(error, urllib.error.HTTPError):
        return 400 <= error.code < 500 and error.code not in PASSING
    return isinstance(error, OSError) and error.errno in LOCAL


def _download_once(url: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    part = part_of(target)
    done = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={done}-"} if done else {})
    with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
        continued = answer.status == 206  # otherwise the server sends the whole file
        stated = answer.headers.get("Content-Range")
        if continued and stated and not stated.startswith(f"bytes {done}-"):
            raise OSError(f"the server sends {stated}, but was asked for the bytes after {done}")
        size = int(answer.headers.get("Content-Length", 0)) + (done if continued else 0)
        with open(part, "ab" if continued else "wb") as stream:
            while block := answer.read(BLOCK):
                with blamed_on(part):
                    stream.write(block)
                _show_progress(stream.tell(), size)
    # Without Content-Length a truncated answer goes unnoticed here, but not when it is read.
    if size and part.stat().st_size < size:
        raise OSError(f"the connection ended after {part.stat().st_size} of {size} bytes")
    part.replace(target)


def _show_progress(done: int, size: int) -> None:
    if sys.stderr.isatty():
        total = f" of {size / 1e6:.0f}" if size else ""
        end = "\n" if done == size else ""
        print(f"\r{done / 1e6:.0f}{total} MB", end=end, file=sys.stderr, flush=True)


def download_fault(error: OSError) -> str:
    """Return why a download failed, without the wrapping of urllib."""
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(error, urllib.error.HTTPError):
        return f"the server answers {error.code} {error.reason}"
    return str(getattr(reason, "strerror", None) or reason)
