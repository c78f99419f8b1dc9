"""Recognise common files that are not audio, for error messages that help."""

from __future__ import annotations

from asda.audio.formats.header_check import Content

HEAD = 512  # bytes that tell one kind of file from another
CONTENTS = {  # first bytes of files that are not audio
    b"PK\x03\x04": "a ZIP archive",
    b"\x1f\x8b": "a gzip archive",
    b"BZh": "a bzip2 archive",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!": "a RAR archive",
    b"%PDF": "a PDF document",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
    b"MThd": "a MIDI file, which holds notes",
    b"\x89HDF": "an HDF5 file; wav.scp names one of its clips as file.h5@rate:clip",
    b"\x93NUMPY": "a NumPy array",
    b"\0\x05\x16\x07": "metadata of a Mac (AppleDouble); it can be deleted",
    b"\0\x05\x16\0": "metadata of a Mac (AppleSingle)",
    b"version https://git-lfs": "a Git LFS pointer; git lfs pull gets the audio",
    b"\x7fELF": "a program",
    b"#EXTM3U": "a playlist",
}
BEGINNINGS = {  # of text, in lower case and without white space before
    "<!doctype html": "an HTML page",
    "<html": "an HTML page",
    "<head": "an HTML page",
    "<?xml": "an XML document",
    "{": "JSON text",
    "[{": "JSON text",
    '["': "JSON text",
}


def what_it_is(content: Content) -> str | None:
    """Return what a file is instead of audio, None if that cannot be told.

    Args:
        content: content of the file
    """
    head = content.at(0, HEAD)
    for beginning, kind in CONTENTS.items():
        if head.startswith(beginning):
            return kind
    if not any(head) and not any(content.at(0)):
        return "a file of zeros; copy or download it again"
    return _kind_of_text(head)


def is_shortened(content: Content) -> bool:
    """Return whether a NIST file is compressed by shorten, which only its own tools read."""
    head = content.at(0, 1024)
    return head.startswith(b"NIST_1A") and b"shorten" in head


def _kind_of_text(head: bytes) -> str | None:
    try:
        text = head.decode("utf-8-sig", errors="ignore" if len(head) == HEAD else "strict")
    except UnicodeDecodeError:
        return None
    if len(text.encode()) < len(head) - 6 or not all(c.isprintable() or c.isspace() for c in text):
        return None
    words = text.lstrip().lower()
    for beginning, kind in BEGINNINGS.items():
        if words.startswith(beginning):
            return kind
    return "text"
