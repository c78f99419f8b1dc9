"""The plan of a dump: which utterances are new, or have changed audio, and must be computed."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from asda.audio.wav_scp import AudioSegment
from asda.configuration import load, save, to_dict
from asda.corpus.audio_fingerprints import audio_fingerprints
from asda.corpus.datadir import DataDir, write_table
from asda.dump.estimate import estimated_seconds
from asda.dump.folder import Dump, DumpItem
from asda.features.archive_writer import COMPRESSIONS, check_compression
from asda.features.fbank_config import FbankConfig
from asda.features.fbank_file import load_fbank
from asda.files import InputError, atomic_write, readable_duration, readable_size

MARGIN = 1.1  # factor of the estimate, to be on the safe side


def plan(
    folder: Path, data: list[Path], fbank_config: Path | None, compression: str, nj: int
) -> int:
    """Write the lists of items of a dump, one per job, and return their number.

    Args:
        folder: the dump; features of other data directories in it are kept
        data: data directories
        fbank_config: file as for `load_fbank`; None = defaults of FbankConfig
        compression: key of COMPRESSIONS
        nj: number of lists, at least 1; fewer if there are fewer items

    Raises:
        InputError: if the dump has other settings, the disk is too small, or the compression
            needs kaldiio and it is not installed.
    """
    if "\n" in str(folder.resolve()):
        raise InputError(f"{str(folder)!r}: feats.scp cannot hold a path with a line break")
    check_compression(compression)
    config = load_fbank(fbank_config) if fbank_config else FbankConfig()
    directories = [DataDir(path) for path in data]
    wanted = _wanted(directories)
    dump = Dump(folder)
    dump.archives.mkdir(parents=True, exist_ok=True)
    entries = dump.entries()
    dump.remove_archives(keep={entry.archive for entry in entries.values()})
    if entries:
        _check_same_settings(dump, config, compression)
    fingerprints = audio_fingerprints(wanted)
    new = {u: segment for u, segment in wanted.items() if (u, fingerprints[u]) not in entries}
    seconds = estimated_seconds(new, _known_durations(directories))
    todo = [
        DumpItem(utterance, fingerprints[utterance], start, end, seconds[utterance], source)
        for utterance, (source, start, end) in new.items()
    ]
    _announce(dump, todo, len(wanted), {utterance for utterance, _ in entries})
    if todo:
        _check_disk(folder, sum(seconds.values()), config, COMPRESSIONS[compression])
    save(config, dump.config_file)
    with atomic_write(dump.compression_file) as stream:
        print(compression, file=stream)
    return _write_jobs(dump, fingerprints, todo, nj)


def _wanted(directories: Iterable[DataDir]) -> dict[str, AudioSegment]:
    """Return the audio of all utterances; one in two directories must be the same in both."""
    origin: dict[str, tuple[DataDir, AudioSegment]] = {}
    for directory in directories:
        sources = directory.audio_sources()
        missing = [utterance for utterance in directory.utterances if utterance not in sources]
        if missing:
            raise InputError(
                f"{directory.path}: utterances without audio in wav.scp: {len(missing)} (first: "
                f"'{missing[0]}'); run utils/fix_data_dir.sh {directory.path}"
            )
        for utterance in directory.utterances:
            known, source = origin.setdefault(utterance, (directory, sources[utterance]))
            if repr(source) != repr(sources[utterance]):  # NaN, as in a time, differs from itself
                raise InputError(
                    f"utterance '{utterance}' is different audio in {known.path} and "
                    f"{directory.path}; rename it, or make a dump for each directory"
                )
    return {utterance: segment for utterance, (_, segment) in origin.items()}


def _known_durations(directories: Iterable[DataDir]) -> dict[str, float]:
    known: dict[str, float] = {}
    for directory in directories:
        if directory.has("utt2dur"):
            known |= directory.numbers("utt2dur")
    return known


def _announce(dump: Dump, todo: list[DumpItem], wanted: int, dumped: set[str]) -> None:
    """Print the amount to compute, and the traces of earlier calls."""
    text = f"{len(todo)} of {wanted} utterances to compute"
    bad = dump.last_bad()
    if replaced := sum(item.utterance in dumped and item.utterance not in bad for item in todo):
        text += f"; {replaced} since their audio, or the path or time of its file, has changed"
    if again := sum(item.utterance in bad for item in todo):
        text += f"; {again} were unusable last time (bad_utterances) and are tried again"
    print(f"{dump.folder}: {text}", file=sys.stderr)
    if read := dump.last_read():
        print(
            f"{dump.folder}: the last call was killed while it read {', '.join(read)}; if this "
            "happens again, for example for lack of memory, remove these utterances",
            file=sys.stderr,
        )


def _check_same_settings(dump: Dump, config: FbankConfig, compression: str) -> None:
    old = to_dict(load(FbankConfig, dump.config_file)) | {"compression": dump.compression}
    new = to_dict(config) | {"compression": compression}
    old["keep_silent"] |= new["keep_silent"]  # more clips may be kept, none be dropped
    differences = [f"{key} {old[key]}, not {new[key]}" for key in new if old[key] != new[key]]
    if differences:
        raise InputError(
            f"{dump.folder}: its features have {'; '.join(differences)}: choose another folder, "
            f"or remove this one to compute all features again"
        )


def _check_disk(folder: Path, seconds: float, config: FbankConfig, value_bytes: int) -> None:
    frames = seconds * config.sample_rate / config.frame_shift
    needed = MARGIN * frames * config.num_mel_bins * value_bytes
    free = shutil.disk_usage(folder).free
    sizes = f"about {readable_size(needed)} needed, {readable_size(free)} free"
    print(f"{folder}: {readable_duration(seconds)} of audio, {sizes}", file=sys.stderr)
    if needed > free:
        raise InputError(
            f"{folder}: the disk is too small: {sizes}; --compression 5 takes one byte per value"
        )


def _write_jobs(dump: Dump, wanted: dict[str, str], todo: list[DumpItem], nj: int) -> int:
    shutil.rmtree(dump.jobs, ignore_errors=True)
    dump.jobs.mkdir()
    write_table(dump.jobs / "wanted", wanted)
    jobs = min(nj, len(todo))
    for job in range(1, jobs + 1):
        with atomic_write(dump.todo(job)) as stream:
            for item in todo[len(todo) * (job - 1) // jobs : len(todo) * job // jobs]:
                print(item, file=stream)
    return jobs
