"""Find the unusable audio of a data directory before a run begins.

All audio is read once. The moments of its features are stored in the data directory, so that the
next run reads only what is new or has changed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch

from asda.audio.wav_scp import AudioSegment
from asda.configuration import to_dict
from asda.corpus.audio_fingerprints import audio_fingerprints
from asda.corpus.datadir import read_table, write_table
from asda.digests import value_digest
from asda.distributed import gather, place
from asda.features.extract import features_or_reason
from asda.features.fbank import Fbank
from asda.features.moments import Moments
from asda.files import InputError, readable_duration

REPORT_SECONDS = 10.0  # time between progress reports
TOGETHER = 256  # utterances given to the threads at a time


def usable_audio(
    folder: Path, segments: Mapping[str, AudioSegment], fbank: Fbank
) -> tuple[dict[str, Moments], dict[str, str]]:
    """Read all audio of a data directory, except that whose moments an earlier call has stored.

    With several processes each reads a part, and all of them must call this function.

    Args:
        folder: the data directory, in whose `.audio` the moments are stored
        segments: utterance -> its audio
        fbank: the filterbank

    Returns:
        utterance -> moments of its features, and utterance -> reason of those without.
    """
    fingerprints = audio_fingerprints(segments)
    record = folder / ".audio" / value_digest(to_dict(fbank.config))
    good = _stored(record, fingerprints)
    todo = [utterance for utterance in segments if utterance not in good]
    rank, processes = place()
    read: dict[str, Moments] = {}
    bad: dict[str, str] = {}
    try:
        _read(folder, {u: segments[u] for u in todo[rank::processes]}, fbank, read, bad)
        for others, failed in gather((read, bad)):
            read |= others
            bad |= failed
    finally:  # also if interrupted, so that no audio is read twice
        if read and rank == 0:
            _store(record, fingerprints, good | read)
    return good | read, bad


def _stored(record: Path, fingerprints: Mapping[str, str]) -> dict[str, Moments]:
    """Return the moments of utterances whose audio has not changed; {} if there is no record."""
    found = {}
    try:
        for utterance, text in read_table(record).items():
            fingerprint, moments = text.split(" ", 1)
            if fingerprints.get(utterance) == fingerprint:
                found[utterance] = Moments.parse(moments)
    except (InputError, ValueError):  # none yet, or damaged
        return {}
    return found


def _store(record: Path, fingerprints: Mapping[str, str], moments: Mapping[str, Moments]) -> None:
    try:
        write_table(record, {u: f"{fingerprints[u]} {found}" for u, found in moments.items()})
    except OSError as error:
        print(
            f"{record}: {error.strerror}; the next run will read all audio again", file=sys.stderr
        )


def _read(
    folder: Path,
    segments: Mapping[str, AudioSegment],
    fbank: Fbank,
    good: dict[str, Moments],
    bad: dict[str, str],
) -> None:
    """Put the moments of utterances into `good`, and the reasons of those without into `bad`."""
    threads = torch.get_num_threads()
    pool = ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,))
    try:
        for group in _reported(folder, list(segments)):
            found = pool.map(
                lambda utterance: _moments(utterance, segments[utterance], fbank), group
            )
            for utterance, moments in zip(group, found, strict=True):
                if isinstance(moments, Moments):
                    good[utterance] = moments
                else:
                    bad[utterance] = moments
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(threads)  # the initialiser has changed it for later threads too


def _moments(utterance: str, segment: AudioSegment, fbank: Fbank) -> Moments | str:
    """Return the moments of the features of an utterance, or the reason why it has none."""
    found = features_or_reason(utterance, segment, fbank)
    return found if isinstance(found, str) else Moments.of(found)


def _reported(folder: Path, todo: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield the utterances in groups and print progress from time to time."""
    started = reported = time.monotonic()
    for first in range(0, len(todo), TOGETHER):
        yield todo[first : first + TOGETHER]
        done, now = min(len(todo), first + TOGETHER), time.monotonic()
        if now - reported > REPORT_SECONDS:
            left = readable_duration((now - started) * (len(todo) - done) / done)
            print(
                f"{folder}: checked the audio of {done} of {len(todo)} utterances, {left} left",
                file=sys.stderr,
            )
            reported = now
