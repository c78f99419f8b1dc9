"""Find the audio files in a folder, without hidden and system files (standard library only)."""

from __future__ import annotations

import os
from collections.abc import Iterator

# Suffixes of what libsndfile or ffmpeg reads. Headerless `.raw` is not among them, because nothing
# tells its sample rate.
_SUFFIXES = (
    "3gp aac ac3 aif aifc aiff alac amr ape asf au awb caf dts flac g722 gsm m4a m4b mka mkv mov "
    "mp2 mp3 mp4 mpc mpga nist oga ogg opus ra rf64 snd sph spx tta voc w64 wav wave webm wma wv"
)
AUDIO_SUFFIXES = frozenset(f".{suffix}" for suffix in _SUFFIXES.split())
_SYSTEM_FILES = ("thumbs.db", "desktop.ini", "ehthumbs.db")


def is_audio_name(name: str) -> bool:
    """Return whether a file name ends like audio; upper and lower case count alike."""
    return os.path.splitext(name)[1].lower() in AUDIO_SUFFIXES


def is_clutter(name: str) -> bool:
    """Return whether a file was left by a file manager and holds no audio.

    macOS writes a twin `._NAME` for every file it copies to a foreign file system; the twin ends
    like the file itself but holds its attributes only.
    """
    return name.startswith("._") or name == ".DS_Store" or name.lower() in _SYSTEM_FILES


def visible_files(folder: str) -> Iterator[str]:
    """Yield the paths of all files below a folder, in order of their names.

    Hidden files and folders, and the files of `is_clutter`, are left out. Symbolic links are
    followed; a folder that several of them lead to is visited once.
    """
    seen: set[str] = set()
    folders = [folder]
    while folders:
        current = folders.pop()
        real = os.path.realpath(current)
        if real in seen:
            continue
        seen.add(real)
        with os.scandir(current) as entries:
            visible = [e for e in entries if not e.name.startswith(".") and not is_clutter(e.name)]
        visible.sort(key=lambda entry: entry.name)
        inner = [entry.path for entry in visible if entry.is_dir()]
        folders.extend(reversed(inner))
        known = set(inner)
        yield from (entry.path for entry in visible if entry.path not in known)
