#!/usr/bin/env python3
"""Download a file; interrupted downloads resume (standard library only).

usage: utils/download.py URL FILE [SHA256 or MD5]
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from asda.digests import file_checksum
from asda.registry.downloads import download


def main() -> None:
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    url, target = sys.argv[1], Path(sys.argv[2])
    if not target.exists():
        try:
            download(url, target)
        except OSError as error:
            sys.exit(
                f"download.py: error: {url}: {error}; run again to resume, or download it to "
                f"{target} by other means"
            )
        if len(sys.argv) == 3:
            print(
                f"download.py: {target}: no checksum is known to compare with; it has the SHA-256 "
                f"{file_checksum(target)}",
                file=sys.stderr,
            )
    if len(sys.argv) == 4:
        kind = "SHA-256" if len(sys.argv[3]) == 64 else "MD5"
        found = file_checksum(target, kind.replace("-", "").lower())
        if found != sys.argv[3]:
            sys.exit(
                f"download.py: error: {target} has {kind} {found}, expected {sys.argv[3]}; "
                "remove it and run again"
            )


if __name__ == "__main__":
    main()
