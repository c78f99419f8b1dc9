"""The audio that a command is given: files, folders, data directories and standard input."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from asda.audio.audio_error import AudioError
from asda.audio.wav_scp import AudioSegment
from asda.corpus.audio_fingerprints import audio_fingerprints
from asda.corpus.audio_folder import is_audio_name, visible_files
from asda.corpus.datadir import DataDir
from asda.files import InputError, printable

STANDARD_INPUT = "-"


class AudioInput(NamedTuple):
    """One clip or recording to which a model is applied.

    Args:
        name: utterance of a data directory, or the path of a file as it was given; unique
        audio: what is read
        file: how results call the file: its path, a value of wav.scp, or "-"
        utterance: of a data directory; None for a file
        output_name: path without suffix, relative to an output folder, for a file of its results
    """

    name: str
    audio: AudioSegment
    file: str
    utterance: str | None
    output_name: str

    def named(self) -> dict[str, str]:
        """Return the entries of a row of results that name the input."""
        utterance = {} if self.utterance is None else {"utterance": self.utterance}
        return {"file": self.file, **utterance}

    def fault(self, error: AudioError) -> str:
        """Return a line that says why it cannot be used."""
        source = printable(self.audio.source)  # as in the message
        reason = str(error).removesuffix(f": {source}")
        if self.file == STANDARD_INPUT:
            return f"standard input: {reason.replace(source, 'standard input')}"
        return printable(f"{self.name}: {reason}")


def two_alike(
    inputs: Iterable[AudioInput], key: Callable[[AudioInput], str]
) -> tuple[AudioInput, AudioInput] | None:
    """Return the first two inputs with the same key, None if all keys differ."""
    found: dict[str, AudioInput] = {}
    for one in inputs:
        other = found.setdefault(key(one), one)
        if other is not one:
            return other, one
    return None


def find_inputs(words: Sequence[str], temporary: str | Path) -> list[AudioInput]:
    """Return what the words of a command line name, each input once.

    Args:
        words: files (any value of wav.scp but a command), folders, data directories, and "-"
        temporary: folder for a copy of standard input, which must be read more than once

    Raises:
        InputError: if a folder holds no audio, an utterance is in two data directories, or
            standard input is a terminal. Files that do not exist are left to those who read them.
    """
    found: dict[str, AudioInput] = {}
    for word in words:
        for one in _of_word(word, Path(temporary)):
            other = found.setdefault(one.name, one)
            if other.audio != one.audio:
                raise InputError(
                    f"{word}: utterance '{one.name}' is also in another of the data directories;"
                    " give them to separate calls"
                )
    return list(found.values())


def _of_word(word: str, temporary: Path) -> Iterator[AudioInput]:
    if word == STANDARD_INPUT:
        copy = _copied_standard_input(temporary)
        yield AudioInput(word, AudioSegment(str(copy)), word, None, "standard_input")
    elif os.path.isdir(word):
        yield from _data_directory(word) if _is_data_directory(word) else _folder(word)
    elif word.rstrip().endswith("|"):
        raise InputError(
            f"'{word}' is a shell command; let asda read its output: {word} asda COMMAND MODEL -"
        )
    else:
        yield _file(word, os.path.basename(word))


def _is_data_directory(word: str) -> bool:
    return any(os.path.isfile(os.path.join(word, name)) for name in ("wav.scp", "feats.scp"))


def _data_directory(word: str) -> Iterator[AudioInput]:
    data = DataDir(word)
    if not data.has("wav.scp"):
        raise InputError(f"{word}: has features but no wav.scp; a model reads audio")
    sources = data.audio_sources()
    for utterance in sorted(sources):
        audio = sources[utterance]
        output_name = utterance.replace("/", "_")  # stays within the folder of results
        yield AudioInput(utterance, audio, audio.source, utterance, output_name)


def _folder(word: str) -> Iterator[AudioInput]:
    names = [path for path in visible_files(word) if is_audio_name(path)]
    if not names:
        raise InputError(f"{word}: no audio files in this folder, nor a wav.scp")
    yield from (_file(path, os.path.relpath(path, word)) for path in names)


def _file(path: str, output_name: str) -> AudioInput:
    stem = os.path.splitext(output_name)[0]
    return AudioInput(path, AudioSegment(path), path, None, stem or "audio")


def _copied_standard_input(temporary: Path) -> Path:
    if sys.stdin.isatty():
        raise InputError("standard input is a terminal; give audio to it: sox FILE -t wav - | ...")
    path = temporary / "standard_input"
    with open(path, "wb") as stream:
        shutil.copyfileobj(sys.stdin.buffer, stream)
    return path


def fingerprints_of(inputs: Sequence[AudioInput]) -> dict[str, str]:
    """Return name -> digest that changes with the audio of an input, which is not read."""
    return audio_fingerprints({one.name: one.audio for one in inputs})
