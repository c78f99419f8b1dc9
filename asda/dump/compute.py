"""One of the parallel jobs of a dump."""

from __future__ import annotations

import itertools
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from asda.audio.wav_scp import AudioSegment
from asda.configuration import load
from asda.corpus.datadir import write_table
from asda.dump.folder import Dump, DumpItem, Entry
from asda.features.archive import ArchiveReader
from asda.features.archive_writer import write_matrix
from asda.features.extract import features_or_reason
from asda.features.fbank import Fbank
from asda.features.fbank_config import FbankConfig
from asda.features.moments import Moments
from asda.files import numbered_lines

REPORT_SECONDS = 10.0  # time between progress reports
OPENING = 0.5  # opening a file takes as long as computing the features of so many seconds of audio


def compute_part(folder: Path, job: int, archive_bytes: float) -> None:
    """Compute the features of one list of items; each archive counts once it is complete.

    Args:
        folder: the dump, as planned
        job: number of the list
        archive_bytes: size at which an archive is finished and the next one is started
    """
    torch.set_num_threads(1)
    dump = Dump(folder)
    todo = [DumpItem.parse(line) for _, line in numbered_lines(dump.todo(job))]
    bad: dict[str, str] = {}
    items = _marked(_reported(todo), dump.reading(job))
    features = _features(items, Fbank(load(FbankConfig, dump.config_file)), bad)
    for first in features:
        _write_archive(dump, itertools.chain([first], features), archive_bytes)
    write_table(dump.bad(job), bad)
    print(f"{len(todo)} utterances, {len(bad)} of them bad", flush=True)


def _features(
    todo: Iterator[DumpItem], fbank: Fbank, bad: dict[str, str]
) -> Iterator[tuple[DumpItem, np.ndarray]]:
    """Yield items with features (frames, mel) float32; reasons why others fail go to `bad`."""
    for item in todo:
        audio = AudioSegment(item.audio, item.start, item.end)
        found = features_or_reason(item.utterance, audio, fbank)
        if isinstance(found, str):
            bad[item.utterance] = found
            print(f"bad: {item.utterance}: {found}", flush=True)
        else:
            yield item, found


def _reported(todo: list[DumpItem]) -> Iterator[DumpItem]:
    """Yield the items and print progress from time to time."""
    started = reported = time.monotonic()
    # Long audio takes longer, but opening a file also takes time.
    left = total = sum(OPENING + item.seconds for item in todo)
    for done, item in enumerate(todo, 1):
        yield item
        left -= OPENING + item.seconds
        now = time.monotonic()
        if now - reported > REPORT_SECONDS:
            minutes = (now - started) * left / (total - left) / 60
            rate = done / (now - started)
            print(
                f"{done} of {len(todo)} utterances, {rate:.1f} a second, "
                f"{minutes:.1f} minutes left",
                flush=True,
            )
            reported = now


def _marked(items: Iterator[DumpItem], file: Path) -> Iterator[DumpItem]:
    """Yield the items and keep the utterance in use in a file, for what kills the whole process."""
    with open(file, "w", encoding="utf-8") as stream:
        for item in items:
            stream.seek(0)
            stream.write(f"{item.utterance}\n")
            stream.truncate()  # of a longer ID before; also flushes
            yield item
    file.unlink()


def _write_archive(
    dump: Dump, features: Iterator[tuple[DumpItem, np.ndarray]], archive_bytes: float
) -> None:
    """Write features until the archive is full, read them back, and commit it."""
    compression = dump.compression
    name = f"feats_{secrets.token_hex(6)}"
    partial = dump.archive(name).with_suffix(".ark.partial")
    offsets: dict[DumpItem, int] = {}
    with open(partial, "wb") as stream:
        for item, matrix in features:
            offsets[item] = write_matrix(stream, item.utterance, matrix, compression)
            if stream.tell() >= archive_bytes:
                break
        stream.flush()
        os.fsync(stream.fileno())
    reader = ArchiveReader()
    entries = []
    for item, offset in offsets.items():
        stored = reader.read(f"{partial}:{offset}")
        moments = Moments.of(stored)  # of what compression has left of the values
        entries.append(Entry(item.utterance, item.fingerprint, name, offset, len(stored), moments))
    dump.commit(partial, entries)
