"""Atomic writes, numbered lines, readable numbers and lists, and the error that users see."""

from __future__ import annotations

import errno
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from asda.abandoned import hold, remove_abandoned


class InputError(Exception):
    """An input of the user is wrong. The message is one line: file:line, the fault, the remedy."""


_REMEDIES = {
    errno.ENOSPC: "free some space and repeat the call",
    errno.EDQUOT: "free some space and repeat the call",
    errno.EMFILE: "allow more open files (ulimit -n 4096) and repeat the call",
    errno.ENFILE: "end other programs and repeat the call",
    errno.ENOMEM: "end other programs and repeat the call",
    errno.EACCES: "change its permissions or choose another place",
    errno.EPERM: "change its permissions or choose another place",
    errno.EROFS: "choose a place that can be written to",
    errno.EISDIR: "give the name of a file in it",
    errno.EEXIST: "choose another name",
    errno.ENOTDIR: "choose another name",
}
# Faults of the machine, whatever file it was about to use.
OF_THE_MACHINE = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC, errno.EDQUOT}


def reason_of(error: InputError | OSError) -> str:
    """Return an error in one line; of the system the file, the fault, and the remedy if known."""
    if not isinstance(error, OSError):
        return str(error)
    where = f"{error.filename}: " if error.filename is not None else ""
    remedy = f"; {_REMEDIES[error.errno]}" if error.errno in _REMEDIES else ""
    return f"{where}{error.strerror or error}{remedy}"


@contextmanager
def blamed_on(path: str | Path) -> Iterator[None]:
    """Let errors of the system name the file that the user knows, as those of a full disk do not.

    Args:
        path: the file that is written in the block, perhaps under a temporary name
    """
    try:
        yield
    except OSError as error:
        temporary = os.path.abspath(Path(path).parent / f".{Path(path).name}.")
        named = error.filename
        if named is None or os.path.abspath(str(named)).startswith(temporary):
            error.filename = str(path)
        raise


@contextmanager
def atomic_write(path: str | Path, mode: str = "w") -> Iterator[IO[Any]]:
    """Open a temporary file that replaces `path` only if the block succeeds.

    Text is UTF-8 with Unix line endings. Readers, also after a crash, see either the old file or
    the complete new one.

    Raises:
        InputError: if `path` is a device or a pipe, which a file would replace.
    """
    refuse_device(path)
    with blamed_on(path), _replacing(Path(path), mode) as stream:
        yield stream


@contextmanager
def _replacing(path: Path, mode: str) -> Iterator[IO[Any]]:
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(path)
    encoding, newline = (None, None) if "b" in mode else ("utf-8", "\n")
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        hold(descriptor)
        with os.fdopen(descriptor, mode, encoding=encoding, newline=newline) as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
            os.chmod(temporary, 0o666 & ~_umask())
            os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def refuse_overwriting(out: str | Path, sources: Iterable[str | Path]) -> None:
    """Refuse to write over a file that was read: a checkpoint would be lost to its run.

    Raises:
        InputError: if `out` is one of the sources, or a device or a pipe.
    """
    refuse_device(out)
    for source in sources:
        if Path(out).exists() and Path(source).exists() and Path(out).samefile(source):
            raise InputError(f"{out}: would replace the file that is read; choose another name")


def refuse_device(out: str | Path) -> None:
    """Refuse to write a device or a pipe: the superuser would replace `/dev/stdout` by a file.

    Raises:
        InputError: if `out` is one, or lies in the folder of devices.
    """
    path = Path(out)
    other = path.exists() and not path.is_file() and not path.is_dir()
    if other or path.absolute().parent == Path("/dev"):
        raise InputError(f"{out}: a device or a pipe, which cannot be replaced; name a file")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def numbered_lines(path: str | Path) -> Iterator[tuple[int, str]]:
    """Yield (line number from 1, line without its line ending) of a UTF-8 text file.

    A byte order mark is removed.

    Raises:
        InputError: if the file cannot be read or a line is not UTF-8.
    """
    with opened(path) as stream:
        for number, line in enumerate(stream, 1):
            yield number, decoded_line(path, number, line)


@contextmanager
def opened(path: str | Path) -> Iterator[IO[bytes]]:
    """Open a file of the user to read its bytes.

    Raises:
        InputError: if the file cannot be read.
    """
    try:
        with open(path, "rb") as stream:
            yield stream
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None


def decoded_line(path: str | Path, number: int, line: bytes) -> str:
    """Return a line of a file, from 1, without its line ending and a byte order mark.

    Raises:
        InputError: if it is not UTF-8.
    """
    try:
        return line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\n")
    except UnicodeDecodeError:
        raise InputError(
            f"{path}:{number}: not UTF-8 text; save it as UTF-8, for example with "
            f"iconv -f {_likely_encoding(line)} -t utf-8"
        ) from None


def _likely_encoding(line: bytes) -> str:
    return "utf-16" if line.startswith((b"\xff\xfe", b"\xfe\xff")) else "windows-1252"


def write_lines(path: str | Path, lines: Iterable[str]) -> None:
    """Write each string as a line, whole or not at all."""
    with atomic_write(path) as stream:
        stream.writelines(f"{line}\n" for line in lines)


def read_json(path: str | Path) -> Any:
    """Return the content of a JSON file.

    Raises:
        InputError: if it cannot be read, is not UTF-8 text, or not JSON.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None
    except json.JSONDecodeError as error:
        raise InputError(f"{path}:{error.lineno}: not JSON ({error.msg})") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: not UTF-8 text") from None
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, many brackets
        raise InputError(f"{path}: not JSON ({printable(str(error))})") from None


def write_json(path: str | Path, content: Any) -> None:
    """Write `content` as indented JSON, atomically."""
    with atomic_write(path) as stream:
        json.dump(content, stream, indent=2, ensure_ascii=False)
        stream.write("\n")


def readable_size(count: float) -> str:
    """Return a number of bytes in MB or GB."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


def readable_duration(seconds: float, precise: bool = False) -> str:
    """Return a duration in s, min or h; a precise one has two decimals of s and one of min."""
    if seconds < 60:
        return f"{seconds:.{2 if precise else 0}f} s"
    if seconds < 3600:
        return f"{seconds / 60:.{1 if precise else 0}f} min"
    return f"{seconds / 3600:.1f} h"


def printable(text: str) -> str:
    """Return a text with line ends, tabs and what cannot be printed escaped as in Python."""
    return "".join(
        character if character.isprintable() else repr(character)[1:-1] for character in text
    )


def plural(count: int, word: str, words: str = "") -> str:
    """Return the form of a word that goes with a count.

    Args:
        count: of what is named
        word: for one
        words: for other numbers; empty = with an s
    """
    return word if count == 1 else words or f"{word}s"


def counted(count: int, word: str, words: str = "") -> str:
    """Return a count, with thousands marked, and its word as `plural` gives it: "1,200 clips"."""
    return f"{count:,} {plural(count, word, words)}"


def listed(items: Sequence[str], most: int = 5, separator: str = ", ") -> str:
    """Return the first items, and the number of further ones: "a, b, c, and 4 more"."""
    more = [f"and {len(items) - most} more"] if len(items) > most else []
    return separator.join([*items[:most], *more])
