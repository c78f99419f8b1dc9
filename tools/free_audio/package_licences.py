"""Read which licences the copyright file of a Debian package states for its audio."""

from __future__ import annotations

import re
from collections import Counter
from fnmatch import fnmatchcase
from pathlib import Path

NAMES = re.compile(r"/usr/share/common-licenses/([A-Za-z]+(?:-[\d.]+\d)?)|\b(CC-BY[\w.-]*|CC0)")


def licences_of(copyright_file: Path, paths: list[str]) -> str:
    """Return the licences of files, the most frequent first: "CC-BY-SA-3.0 (90), GPL-2+ (3)".

    A machine-readable file (Debian's DEP 5) gives them by patterns of the sources' paths, of which
    the last that matches counts; installed paths differ at their beginning, so every tail of a path
    is compared. Of other files, the licences that they mention are named, with "?".

    Args:
        copyright_file: may be missing, then the licence is "unknown"
        paths: of the audio files in the package
    """
    if not copyright_file.is_file():
        return "unknown"
    text = copyright_file.read_text(encoding="utf-8", errors="replace")
    patterns = _patterns(text)
    if not patterns:
        named = dict.fromkeys(one or other for one, other in NAMES.findall(text))
        return " ".join([*named, "?"]) if named else "unknown"
    counts = Counter(_licence(path, patterns) for path in paths)
    return ", ".join(f"{licence} ({count})" for licence, count in counts.most_common())


def _patterns(text: str) -> list[tuple[str, str]]:
    """Return (pattern, licence) of the Files paragraphs, in order; none if there are none."""
    found = []
    for paragraph in re.split(r"\n\s*\n", text):
        fields = {
            key.lower(): value
            for key, value in re.findall(r"(?m)^([\w-]+):[ \t]*((?:.*)(?:\n[ \t].*)*)", paragraph)
        }
        if "files" in fields and "license" in fields:
            licence = fields["license"].split("\n")[0].strip() or "unnamed"
            found += [(pattern, licence) for pattern in fields["files"].replace(",", " ").split()]
    return found


def _licence(path: str, patterns: list[tuple[str, str]]) -> str:
    parts = path.split("/")
    tails = ["/".join(parts[start:]) for start in range(len(parts))]
    for pattern, licence in reversed(patterns):
        pattern = pattern.removeprefix("./")
        # A folder named alone holds for what is in it.
        if any(fnmatchcase(tail, pattern) or tail.startswith(f"{pattern}/") for tail in tails):
            return licence
    return "unknown"
