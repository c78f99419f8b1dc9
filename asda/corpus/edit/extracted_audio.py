"""Write the audio of segments to an archive, after which a data directory needs no segments."""

from __future__ import annotations

import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import soundfile

from asda.audio.waveform import read_segments
from asda.corpus.datadir import DataDir, keys_by_value, write_table
from asda.corpus.edit.subset import write_parts
from asda.corpus.kaldi_tables import RECORDING, begin_directory, tables_of
from asda.files import InputError, atomic_write

ARCHIVE = "data/wav_segments.ark"  # as Kaldi calls it
FULL_SCALE = 32768  # of 16 bits


def extract_segments(source: DataDir, destination: Path, jobs: int = 1) -> dict[str, str]:
    """Copy a data directory, with each utterance as a recording of its own instead of a segment.

    The archive ARCHIVE in the copy holds them as WAV files with 16 bits and one channel, the mean
    of all, at the sample rate of the recording.

    Args:
        source: with segments
        destination: the copy; it has no tables of recordings but wav.scp
        jobs: recordings read at the same time

    Returns:
        utterance -> reason, for those left out because their audio cannot be used

    Raises:
        InputError: if there are no segments, or none can be used.
    """
    if not source.has("segments"):
        raise InputError(
            f"{source.path}: no segments: its utterances are whole recordings already;"
            " utils/copy_data_dir.sh copies it"
        )
    names = tables_of(source)
    begin_directory(destination, [source], names)
    places, bad = _write_archive(source, destination.absolute() / ARCHIVE, jobs)
    if not places:
        raise InputError(
            f"{source.path}: none of {len(bad)} utterances has usable audio; "
            f"'{min(bad)}': {bad[min(bad)]}"
        )
    write_parts(source, {destination: sorted(places)})
    for name, kind in names.items():
        if kind == RECORDING or name == "segments":
            (destination / name).unlink(missing_ok=True)
    write_table(destination / "wav.scp", places)
    return bad


def _write_archive(
    source: DataDir, archive: Path, jobs: int
) -> tuple[dict[str, str], dict[str, str]]:
    """Write the archive; return utterance -> place in it, and utterance -> reason of others."""
    places, bad = {}, {}
    with atomic_write(archive, "wb") as stream:
        for utterance, wave in _waves(source, jobs):
            if isinstance(wave, str):
                bad[utterance] = wave
                continue
            stream.write(f"{utterance} ".encode())
            places[utterance] = f"{archive}:{stream.tell()}"
            stream.write(wave)
    return places, bad


def _waves(source: DataDir, jobs: int) -> Iterator[tuple[str, bytes | str]]:
    """Yield utterances with their WAV files, or with the reason why there is none."""
    audio = source.utterance_audio()
    recordings = list(keys_by_value((name, place.source) for name, place in audio.items()).items())

    def read(recording: tuple[str, list[str]]) -> list[bytes | str]:
        path, utterances = recording
        found = read_segments(path, ((audio[name].start, audio[name].end) for name in utterances))
        return [part if isinstance(part, str) else _wav(*part) for part in found]

    with ThreadPoolExecutor(jobs) as threads:
        for first in range(0, len(recordings), jobs):  # so that what waits fits into memory
            together = recordings[first : first + jobs]
            for (_, names), waves in zip(together, threads.map(read, together), strict=True):
                yield from zip(names, waves, strict=True)


def _wav(samples: np.ndarray, rate: int) -> bytes:
    """Return a WAV file of samples (samples,) float32 in [-1, 1); louder ones are clipped."""
    values = np.clip(np.rint(samples * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)
    stream = io.BytesIO()
    soundfile.write(stream, values, rate, format="WAV", subtype="PCM_16")
    return stream.getvalue()
