"""Unpack archives from elsewhere: files land below one folder, and nothing but files is made.

Standard library only. tarfile's own filters are not enough: several versions of Python let links
through that lead out of the folder, and they keep links to files that the corpus does not hold.
"""

from __future__ import annotations

import shutil
import tarfile
import zipfile
from pathlib import Path, PurePosixPath
from typing import IO

from asda.files import InputError, readable_size
from asda.registry.downloads import LOCAL


class DamagedArchiveError(InputError):
    """An archive cannot be read to its end; a new download may help."""


def safe_path(name: str, strip: int = 0) -> PurePosixPath:
    """Return the path of a member of an archive, relative to the folder it is unpacked to.

    Args:
        name: of the member
        strip: number of leading folders to leave out; what lies above them becomes "."

    Raises:
        InputError: if it would lie outside of the folder.
    """
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\0" in name:
        raise InputError(f"a name in it leads out of the folder: {name!a}; it is refused")
    return PurePosixPath(*path.parts[strip:])


def unpack(archive: Path, folder: Path, strip: int = 0) -> int:
    """Unpack a zip or tar archive, compressed or not, and return the number of files.

    A link becomes a copy of the file in the archive to which it leads, and one to a folder is left
    out. Times, owners and permissions are not kept.

    Args:
        archive: a zip file if its name ends in .zip, else a tar file
        folder: a new folder, which may be there but must hold no links
        strip: number of leading folders to leave out of names

    Raises:
        DamagedArchiveError: if it is damaged.
        InputError: if it holds files outside of the folder, links that lead out of it, devices or
            pipes, or more than the disk has room for.
    """
    try:
        target = _Folder(folder, strip)
        (_unpack_zip if archive.suffix.lower() == ".zip" else _unpack_tar)(archive, target)
        return target.files
    except InputError as error:
        raise InputError(f"{archive}: {error}") from None
    except Exception as error:  # damaged bytes can make zipfile and tarfile raise anything
        if isinstance(error, OSError) and error.errno in LOCAL:
            raise  # the disk is at fault
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DamagedArchiveError(f"{archive}: damaged: {reason}") from None


class _Folder:
    """Where the files of one archive go."""

    def __init__(self, folder: Path, strip: int):
        self.folder, self.strip, self.files = folder, strip, 0
        folder.mkdir(parents=True, exist_ok=True)

    def write(self, name: str, content: IO[bytes], size: int) -> None:
        path = self.folder / safe_path(name, self.strip)
        if path == self.folder:
            return  # it lies above the folders that are left out
        free = shutil.disk_usage(self.folder).free
        if size > free:
            raise InputError(
                f"{name!a} has {readable_size(size)}, but the disk only {readable_size(free)};"
                " free some space and repeat the call"
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "wb") as stream:
            shutil.copyfileobj(content, stream)
        self.files += 1


def _unpack_zip(archive: Path, target: _Folder) -> None:
    with zipfile.ZipFile(archive) as opened:
        for member in opened.infolist():
            if member.is_dir():
                safe_path(member.filename)
                continue
            with opened.open(member) as content:
                target.write(member.filename, content, member.file_size)


def _unpack_tar(archive: Path, target: _Folder) -> None:
    with tarfile.open(archive) as opened:
        for member in opened:
            if member.isdir():
                safe_path(member.name)
                continue
            content = _content(opened, member)
            if content is not None:
                with content:
                    target.write(member.name, content, member.size)


def _content(opened: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes] | None:
    """Return the bytes of a file, also of one that a link leads to; None for a linked folder."""
    is_link = member.islnk() or member.issym()
    if not (member.isfile() or is_link):
        raise InputError(f"{member.name!a} is a device or a pipe; it is refused")
    try:
        return opened.extractfile(member)
    except (KeyError, RecursionError):
        raise InputError(
            f"the link {member.name!a} leads to {member.linkname!a}, which is not in the archive;"
            " it is refused"
        ) from None
