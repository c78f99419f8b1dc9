"""The plan of a dump: which utterances are new, or have changed audio, and must be computed."""

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
from asda.corpus.wav_scp import AudioSegment, split_source
from asda.digests import value_digest
from asda.dump.folder import Dump, DumpItem
from asda.features.archive_writer import COMPRESSIONS, check_compression
from asda.features.fbank_config import FbankConfig
from asda.files import InputError, atomic_write, readable_size

SAMPLED = 100  # utterances whose audio is opened to estimate the size of all features
MARGIN = 1.1  # factor of the estimate, to be on the safe side


def plan(
    folder: Path, data: list[Path], fbank_config: Path | None, compression: str, nj: int
) -> int:
    """Write the lists of items of a dump, one per job, and return their number.

    Args:
        folder: the dump; features of other data directories in it are kept
        data: data directories
        fbank_config: YAML of FbankConfig; None = its defaults
        compression: key of COMPRESSIONS
        nj: number of lists, fewer if there are fewer items

    Raises:
        InputError: if the dump has other settings, the disk is too small, or the compression
            needs kaldiio and it is not installed.
    """
    if nj < 1:
        raise InputError(f"--nj must be 1 or more, not {nj}")
    if "\n" in str(folder.resolve()):
        raise InputError(f"{str(folder)!r}: feats.scp cannot hold a path with a line break")
    check_compression(compression)
    config = load(FbankConfig, fbank_config) if fbank_config else FbankConfig()
    directories = [DataDir(path) for path in data]
    wanted = _wanted(directories)
    dump = Dump(folder)
    dump.archives.mkdir(parents=True, exist_ok=True)
    entries = dump.entries()
    dump.remove_archives(keep={entry.archive for entry in entries.values()})
    if entries:
        _check_same_settings(dump, config, compression)
    todo = [item for item in wanted if (item.utterance, item.fingerprint) not in entries]
    frames = _seconds(directories, todo) * config.sample_rate / config.frame_shift
    needed = MARGIN * frames * config.num_mel_bins * COMPRESSIONS[compression]
    dumped = {utterance for utterance, _ in entries}
    replaced = sum(item.utterance in dumped for item in todo)
    note = f"; {replaced} replace features of other audio with the same ID" if replaced else ""
    print(f"{folder}: {len(todo)} of {len(wanted)} utterances to compute{note}", file=sys.stderr)
    if todo:
        _check_disk(folder, needed)
    save(config, dump.config_file)
    with atomic_write(dump.compression_file) as stream:
        print(compression, file=stream)
    return _write_jobs(dump, wanted, todo, nj)


def _wanted(directories: Iterable[DataDir]) -> list[DumpItem]:
    """Return the items of all utterances; one in two directories must be the same in both."""
    origin: dict[str, tuple[DataDir, AudioSegment]] = {}
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
                    f"{directory.path}; rename it, or make a dump for each directory"
                )
    segments = {utterance: segment for utterance, (_, segment) in origin.items()}
    with ThreadPoolExecutor(16) as threads:  # network disks are slow, but serve many at once
        stamps = threads.map(_stamp, (segment.source for segment in segments.values()))
        return [
            DumpItem(
                utterance,
                value_digest([stamp, segment.start, segment.end]),
                segment.start,
                segment.end,
                segment.source,
            )
            for (utterance, segment), stamp in zip(segments.items(), stamps, strict=True)
        ]


def _stamp(audio: str) -> list[str | int | None]:
    """Return what identifies the audio that a value of wav.scp refers to."""
    path, offset = split_source(audio)
    if path is None:
        return [audio]
    try:
        status = os.stat(path)
    except OSError:  # the job that reads it reports the fault
        return [os.path.abspath(path), offset]
    return [os.path.abspath(path), offset, status.st_size, status.st_mtime_ns]


def _check_same_settings(dump: Dump, config: FbankConfig, compression: str) -> None:
    old = to_dict(load(FbankConfig, dump.config_file)) | {"compression": dump.compression}
    new = to_dict(config) | {"compression": compression}
    differences = [f"{key} {old[key]}, not {new[key]}" for key in new if old[key] != new[key]]
    if differences:
        raise InputError(
            f"{dump.folder}: its features have {'; '.join(differences)}: choose another folder, "
            f"or remove this one to compute all features again"
        )


def _check_disk(folder: Path, needed: float) -> None:
    free = shutil.disk_usage(folder).free
    sizes = f"about {readable_size(needed)} needed, {readable_size(free)} free"
    print(f"{folder}: {sizes}", file=sys.stderr)
    if needed > free:
        raise InputError(
            f"{folder}: the disk is too small: {sizes}; --compression 5 takes one byte per value"
        )


def _seconds(directories: list[DataDir], todo: list[DumpItem]) -> float:
    """Return the total duration: from utt2dur and segments, else estimated from some files."""
    known: dict[str, float] = {}
    for directory in directories:
        if directory.has("utt2dur"):
            known |= directory.numbers("utt2dur")
    unknown = [item for item in todo if item.end is None and item.utterance not in known]
    measured = [_measure(item) for item in unknown[:: 1 + len(unknown) // SAMPLED]]
    mean = sum(measured) / len(measured) if measured else 0.0
    total = mean * len(unknown)
    for item in todo:
        if item.end is not None:
            total += item.end - item.start
        else:
            total += known.get(item.utterance, 0.0)
    return total


def _measure(item: DumpItem) -> float:
    try:
        return max(0.0, audio_duration(item.audio) - item.start)
    except AudioError:
        return 0.0


def _write_jobs(dump: Dump, wanted: list[DumpItem], todo: list[DumpItem], nj: int) -> int:
    shutil.rmtree(dump.jobs, ignore_errors=True)
    dump.jobs.mkdir()
    write_table(dump.jobs / "wanted", {item.utterance: item.fingerprint for item in wanted})
    jobs = min(nj, len(todo))
    for job in range(1, jobs + 1):
        with atomic_write(dump.todo(job)) as stream:
            for item in todo[len(todo) * (job - 1) // jobs : len(todo) * job // jobs]:
                print(item, file=stream)
    return jobs
