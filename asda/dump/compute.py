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

from asda.configuration import load
from asda.corpus.audio import read_audio
from asda.corpus.datadir import write_table
from asda.dump.folder import Dump, Entry, Source
from asda.features.archive import ArchiveReader, write_matrix
from asda.features.fbank import Fbank
from asda.features.fbank_config import FbankConfig
from asda.features.moments import Moments
from asda.files import numbered_lines

REPORT_SECONDS = 10.0


def compute_part(folder: Path, job: int, archive_bytes: float) -> None:
    """Compute the features of a todo list into archives; each counts once it is whole.

    Args:
        folder: the dump, as planned
        job: number of the todo list
        archive_bytes: size at which an archive is finished and the next one begun
    """
    torch.set_num_threads(1)
    dump = Dump(folder)
    todo = [Source.parse(line) for _, line in numbered_lines(dump.todo(job))]
    bad: dict[str, str] = {}
    features = _features(_reported(todo), Fbank(load(FbankConfig, dump.config_file)), bad)
    for first in features:
        _write_archive(dump, itertools.chain([first], features), archive_bytes)
    write_table(dump.bad(job), bad)
    print(f"{len(todo)} utterances, of which {len(bad)} bad", flush=True)


def _features(
    todo: Iterator[Source], fbank: Fbank, bad: dict[str, str]
) -> Iterator[tuple[Source, np.ndarray]]:
    """Yield sources with features (frames, mel) float32; the reasons of others go to `bad`."""
    for source in todo:
        try:
            waveform = read_audio(
                source.audio,
                fbank.config.sample_rate,
                start=source.start,
                end=source.end,
                resampler=fbank.config.resampler,
            )
            matrix = fbank(torch.from_numpy(waveform)).numpy()
            if not np.isfinite(matrix).all():
                raise ValueError("features are not finite: samples are too large")
        except ValueError as error:
            bad[source.utterance] = " ".join(str(error).split())
            print(f"bad: {source.utterance}: {bad[source.utterance]}", flush=True)
            continue
        yield source, matrix


def _reported(todo: list[Source]) -> Iterator[Source]:
    """Yield the sources and print now and then how fast they go."""
    started = reported = time.monotonic()
    for done, source in enumerate(todo):
        yield source
        now = time.monotonic()
        if now - reported > REPORT_SECONDS:
            rate = (done + 1) / (now - started)
            minutes = (len(todo) - done - 1) / rate / 60
            print(
                f"{done + 1} of {len(todo)} utterances, {rate:.1f} a second, "
                f"{minutes:.1f} minutes left",
                flush=True,
            )
            reported = now


def _write_archive(
    dump: Dump, features: Iterator[tuple[Source, np.ndarray]], archive_bytes: float
) -> None:
    """Write features until the archive is full, read them again, and commit it."""
    compression = dump.compression
    name = f"feats_{secrets.token_hex(6)}"
    partial = dump.archive(f"{name}").with_suffix(".ark.partial")
    offsets: dict[Source, int] = {}
    with open(partial, "wb") as stream:
        for source, matrix in features:
            offsets[source] = write_matrix(stream, source.utterance, matrix, compression)
            if stream.tell() >= archive_bytes:
                break
        stream.flush()
        os.fsync(stream.fileno())
    reader = ArchiveReader()
    entries = []
    for source, offset in offsets.items():
        stored = reader.read(f"{partial}:{offset}")
        moments = Moments.of(stored)
        entries.append(
            Entry(source.utterance, source.fingerprint, name, offset, len(stored), moments)
        )
    dump.commit(partial, entries)
