"""What a dump has to compute: utterances that are new, or whose audio has changed."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from asda.configuration import load, save, to_dict
from asda.corpus.audio import AudioError, audio_duration
from asda.corpus.datadir import DataDir, write_table
from asda.corpus.wav_scp import split_source
from asda.dump.folder import Dump, Source
from asda.features.archive import COMPRESSIONS
from asda.features.fbank_config import FbankConfig
from asda.files import InputError, atomic_write, digest

MEASURED = 100  # utterances whose audio is opened to estimate the size of all
MARGIN = 1.1  # of that estimate


def plan(
    folder: Path, data: list[Path], fbank_config: Path | None, compression: str, nj: int
) -> int:
    """Write the todo lists of a dump and return how many there are.

    Args:
        folder: the dump; what it holds of other data directories stays
        data: data directories
        fbank_config: YAML of FbankConfig; None = its defaults
        compression: key of COMPRESSIONS
        nj: todo lists to make, fewer if there is less to do

    Raises:
        InputError: if the dump holds features of another kind, or the disk is too small.
    """
    if nj < 1:
        raise InputError(f"--nj must be 1 or more, not {nj}")
    config = load(FbankConfig, fbank_config) if fbank_config else FbankConfig()
    directories = [DataDir(path) for path in data]
    wanted = _wanted(directories)
    dump = Dump(folder)
    dump.archives.mkdir(parents=True, exist_ok=True)
    entries = dump.entries()
    dump.remove_archives(keep={entry.archive for entry in entries.values()})
    if entries:
        _check_same_kind(dump, config, compression)
    todo = [source for source in wanted if (source.utterance, source.fingerprint) not in entries]
    frames = _seconds(directories, todo) * config.sample_rate / config.frame_shift
    needed = MARGIN * frames * config.num_mel_bins * COMPRESSIONS[compression]
    dumped = {utterance for utterance, _ in entries}
    replaced = sum(source.utterance in dumped for source in todo)
    note = f"; {replaced} replace features of other audio of the same name" if replaced else ""
    print(f"{folder}: {len(todo)} of {len(wanted)} utterances to compute{note}", file=sys.stderr)
    if todo:
        _check_disk(folder, needed)
    save(config, dump.config_file)
    with atomic_write(dump.compression_file) as stream:
        print(compression, file=stream)
    return _write_jobs(dump, wanted, todo, nj)


def _wanted(directories: Iterable[DataDir]) -> list[Source]:
    """Return the sources of all utterances; one that is in two directories must be the same."""
    origin: dict[str, tuple[DataDir, tuple]] = {}
    for directory in directories:
        sources = directory.audio_sources()
        for utterance in directory.utterances:
            if utterance not in sources:
                raise InputError(
                    f"{directory.path}: utterance '{utterance}' has no audio in wav.scp"
                )
            known, source = origin.setdefault(utterance, (directory, sources[utterance]))
            if source != sources[utterance]:
                raise InputError(
                    f"utterance '{utterance}' is different audio in {known.path} and "
                    f"{directory.path}; rename it, or make a dump for each"
                )
    with ThreadPoolExecutor(16) as threads:  # network disks answer slowly, but many at once
        sources = [source for _, source in origin.values()]
        stamps = threads.map(_stamp, (audio for audio, _, _ in sources))
        fingerprints = [
            digest([stamp, start, end])
            for stamp, (_, start, end) in zip(stamps, sources, strict=True)
        ]
    return [
        Source(utterance, fingerprint, start, end, audio)
        for utterance, fingerprint, (audio, start, end) in zip(
            origin, fingerprints, sources, strict=True
        )
    ]


def _stamp(audio: str) -> list:
    path, offset = split_source(audio)
    if path is None:
        return [audio]
    try:
        status = os.stat(path)
    except OSError:  # its job will say so
        return [os.path.abspath(path), offset]
    return [os.path.abspath(path), offset, status.st_size, status.st_mtime_ns]


def _check_same_kind(dump: Dump, config: FbankConfig, compression: str) -> None:
    there = to_dict(load(FbankConfig, dump.config_file)) | {"compression": dump.compression}
    here = to_dict(config) | {"compression": compression}
    differences = [
        f"{key} {there[key]}, not {here[key]}" for key in here if there[key] != here[key]
    ]
    if differences:
        raise InputError(
            f"{dump.folder}: its features have {'; '.join(differences)}: give another folder, "
            f"or remove this one to make it anew"
        )


def _check_disk(folder: Path, needed: float) -> None:
    free = shutil.disk_usage(folder).free
    sizes = f"about {readable(needed)} needed, {readable(free)} free"
    print(f"{folder}: {sizes}", file=sys.stderr)
    if needed > free:
        raise InputError(
            f"{folder}: the disk is too small: {sizes}; --compression 5 takes a byte a value"
        )


def readable(count: float) -> str:
    """Return a number of bytes in MB or GB."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


def _seconds(directories: list[DataDir], todo: list[Source]) -> float:
    """Return the length of audio: of utt2dur and segments, else of a sample of the files."""
    known: dict[str, float] = {}
    for directory in directories:
        if directory.has("utt2dur"):
            known |= directory.numbers("utt2dur")
    unknown = [source for source in todo if source.end is None and source.utterance not in known]
    measured = [_measure(source) for source in unknown[:: 1 + len(unknown) // MEASURED]]
    mean = sum(measured) / len(measured) if measured else 0.0
    total = mean * len(unknown)
    for source in todo:
        if source.end is not None:
            total += source.end - source.start
        else:
            total += known.get(source.utterance, 0.0)
    return total


def _measure(source: Source) -> float:
    try:
        return max(0.0, audio_duration(source.audio) - source.start)
    except AudioError:
        return 0.0


def _write_jobs(dump: Dump, wanted: list[Source], todo: list[Source], nj: int) -> int:
    shutil.rmtree(dump.jobs, ignore_errors=True)
    dump.jobs.mkdir()
    write_table(dump.jobs / "wanted", {source.utterance: source.fingerprint for source in wanted})
    jobs = min(nj, len(todo))
    for job in range(1, jobs + 1):
        with atomic_write(dump.todo(job)) as stream:
            for source in todo[len(todo) * (job - 1) // jobs : len(todo) * job // jobs]:
                print(source, file=stream)
    return jobs
