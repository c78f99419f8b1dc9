"""Download packages of Debian or Ubuntu, and unpack the audio in them; neither needs root."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from asda.corpus.audio_folder import is_audio_name
from asda.files import InputError
from asda.registry.unpacking import safe_path
from asda.staging import staged

ARCHIVES = (".zip", ".pk3", ".wz")  # zip files under the names that games give them


def check_tools() -> None:
    """Raise InputError unless the programs of a Debian system are there."""
    missing = [name for name in ("apt-get", "dpkg-deb") if not shutil.which(name)]
    if missing:
        raise InputError(
            f"{' and '.join(missing)} not found: free audio is taken from Debian's packages; run "
            "this on Debian or Ubuntu, or in a container of one"
        )


def download(package: str, folder: Path) -> Path | None:
    """Return the package's file in a folder, downloaded if it is not there; None = unknown to apt.

    Apt compares the file with the archive's signed checksums.
    """
    if found := sorted(folder.glob(f"{package}_*.deb")):
        return found[-1]
    part = folder.resolve() / f".{package}"  # stays after an interruption
    part.mkdir(parents=True, exist_ok=True)
    command = ["apt-get", "download", "-q", package]
    ran = subprocess.run(command, cwd=part, capture_output=True, text=True, check=False)
    if ran.returncode:
        said = ran.stderr.strip().splitlines() or ["no message"]
        if any("Unable to locate" in line or "no installation cand" in line for line in said):
            shutil.rmtree(part)
            return None
        raise InputError(f"apt-get download {package} failed: {said[-1]}; run again to resume")
    (done,) = part.glob(f"{package}_*.deb")
    os.replace(done, folder / done.name)
    shutil.rmtree(part)
    return folder / done.name


def version_of(deb: Path) -> str:
    """Return the version in a package."""
    command = ["dpkg-deb", "-f", str(deb), "Version"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def unpack_audio(deb: Path, folder: Path) -> None:
    """Unpack the audio and the copyright file of a package, also audio in zip files of games.

    Args:
        deb: the package
        folder: appears when it is complete, with `files/`, `copyright` and `version`

    Raises:
        InputError: if a name in it leads out of the folder, or it is damaged.
    """
    package = deb.name.partition("_")[0]
    with staged(folder) as target:
        (target / "files").mkdir(parents=True)
        (target / "version").write_text(version_of(deb) + "\n", encoding="utf-8")
        command = ["dpkg-deb", "--fsys-tarfile", str(deb)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            try:
                with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
                    _unpack_members(archive, package, target)
            except tarfile.TarError as error:
                raise InputError(f"{deb}: {error}; remove it and run again") from None


def _unpack_members(archive: tarfile.TarFile, package: str, target: Path) -> None:
    for member in archive:
        if not member.isfile() or not (content := archive.extractfile(member)):
            continue  # links lead to files that are unpacked themselves
        path = _safe(member.name)
        if path == PurePosixPath("usr/share/doc", package, "copyright"):
            _write(content, target / "copyright")
        elif is_audio_name(path.name):
            _write(content, target / "files" / _short(path))
        elif path.suffix.lower() in ARCHIVES:
            for inner, stream in _zipped_audio(content):
                _write(stream, target / "files" / _short(path / inner))


def _zipped_audio(content: IO[bytes]) -> Iterator[tuple[PurePosixPath, IO[bytes]]]:
    """Yield name and content of each audio file in a zip file, which cannot seek itself."""
    with tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(content, copy)
        if not zipfile.is_zipfile(copy):
            return
        with zipfile.ZipFile(copy) as archive:
            for member in archive.infolist():
                # Other names are not written, and some games have ../CREDITS in theirs.
                if is_audio_name(member.filename):
                    with archive.open(member) as stream:
                        yield _safe(member.filename), stream


def _safe(name: str) -> PurePosixPath:
    """Return the path of a member, without `usr/share`, which all have.

    Raises:
        InputError: if it leads out of the folder.
    """
    if "\\" in name:
        raise InputError(f"a name in the package leads out of the folder: {name!a}; it is refused")
    return safe_path(name)


def _short(path: PurePosixPath) -> PurePosixPath:
    parts = path.parts[2:] if path.parts[:2] == ("usr", "share") else path.parts
    return PurePosixPath(*parts)


def _write(content: IO[bytes], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as stream:
        shutil.copyfileobj(content, stream)
