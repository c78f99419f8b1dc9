"""The verbs of `asda data` that change audio or speakers."""

from __future__ import annotations

import argparse
from pathlib import Path

from asda.commands.data_steps import fix, print_some, reco2dur, utt2dur, validate_copy
from asda.commands.subcommands import Subcommands


def add_change_verbs(verbs: Subcommands) -> None:
    sub = verbs.add("speakers", speakers, "copy, and divide utterances anew among speakers")
    sub.add_argument("--utts-per-spk-max", type=int, default=-1, help="-1 = any number")
    sub.add_argument("--seconds-per-spk-max", type=float, default=-1, help="-1 = any duration")
    _add_switch(sub, "--respect-speaker-info", True, "new speakers are parts of old ones")
    _add_switch(sub, "--respect-recording-info", True, "otherwise, they are parts of recordings")
    _add_places(sub)

    sub = verbs.add("speed", speed, "copy at another speed, with the IDs sp<factor>-<ID>")
    _add_switch(sub, "--include-spk-prefix", True, "give speakers new IDs as well")
    sub.add_argument("factor", help="above 1 is faster")
    _add_places(sub)

    sub = verbs.add("speeds", speeds, "copy at the speeds 0.9, 1 and 1.1 in one directory")
    _add_switch(sub, "--always-include-prefix", False, "IDs of speed 1 begin with sp1.0-")
    _add_switch(sub, "--include-spk-prefix", True, "give speakers new IDs as well")
    _add_places(sub)

    sub = verbs.add("volume", volume, "multiply the audio of each recording by a random factor")
    sub.add_argument("--scale-low", type=float, default=0.125)
    sub.add_argument("--scale-high", type=float, default=2.0)
    sub.add_argument("--reco2vol", type=Path, metavar="FILE", help="take the factors from FILE")
    sub.add_argument("--write-reco2vol", type=Path, metavar="FILE", help="write them to FILE")
    _add_switch(sub, "--force", False, "also if the volume was changed before")
    sub.add_argument("directory", type=Path)

    sub = verbs.add("resample", resample, "resample all recordings when they are read")
    sub.add_argument("rate", type=int, help="in Hz")
    sub.add_argument("directory", type=Path)


def _add_switch(parser: argparse.ArgumentParser, name: str, default: bool, text: str) -> None:
    said = f"{text} (default: {str(default).lower()})"
    parser.add_argument(name, choices=("true", "false"), default=str(default).lower(), help=said)


def _add_places(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", type=Path)
    parser.add_argument("destination", type=Path)


def speakers(
    source: Path,
    destination: Path,
    utts_per_spk_max: int,
    seconds_per_spk_max: float,
    respect_speaker_info: str,
    respect_recording_info: str,
) -> None:
    from asda.corpus.datadir import DataDir
    from asda.corpus.edit.regroup import regroup

    within = "recording" if respect_recording_info == "true" else "any"
    if respect_speaker_info == "true":
        within = "speaker"
    data = DataDir(source)
    before, after = regroup(data, destination, utts_per_spk_max, seconds_per_spk_max, within)
    print(f"{destination}: {after} speakers instead of {before}")
    validate_copy(data, destination)


def speed(source: Path, destination: Path, factor: str, include_spk_prefix: str) -> None:
    from asda.corpus.datadir import DataDir
    from asda.corpus.edit.sox_commands import change_speed

    for write in (utt2dur, reco2dur):  # the headers of changed audio do not tell its duration
        write(source)
    change_speed(DataDir(source), destination, factor, include_spk_prefix == "true")
    validate_copy(DataDir(destination), destination, no_spk_sort=True, no_text=True)


def speeds(
    source: Path, destination: Path, always_include_prefix: str, include_spk_prefix: str
) -> None:
    from asda.corpus.datadir import DataDir
    from asda.corpus.edit.sox_commands import three_speeds

    for write in (utt2dur, reco2dur):  # the headers of changed audio do not tell its duration
        write(source)
    prefixes = always_include_prefix == "true", include_spk_prefix == "true"
    print_some(three_speeds(DataDir(source), destination, *prefixes))
    fix(destination)
    validate_copy(DataDir(destination), destination, no_spk_sort=not all(prefixes), no_text=True)


def volume(
    directory: Path,
    scale_low: float,
    scale_high: float,
    reco2vol: Path | None,
    write_reco2vol: Path | None,
    force: str,
) -> None:
    from asda.corpus.datadir import DataDir, write_table
    from asda.corpus.edit.sox_commands import VOLUME, change_volume

    data = DataDir(directory)
    if force == "false" and any(VOLUME in source for source in data.table("wav.scp").values()):
        print(f"{directory}: its volume was changed before; unchanged (--force true)")
        return
    volumes = None
    if reco2vol is not None:
        volumes = DataDir(reco2vol.parent).numbers(reco2vol.name)
    factors = change_volume(data, scale_low, scale_high, volumes)
    if write_reco2vol is not None:
        write_table(write_reco2vol, {name: f"{factor:.6g}" for name, factor in factors.items()})
    print(f"{directory}: changed the volume of {len(factors)} recordings")


def resample(directory: Path, rate: int) -> None:
    from asda.corpus.datadir import DataDir
    from asda.corpus.edit.sox_commands import change_rate

    aside = change_rate(DataDir(directory), rate)
    moved = f"; moved to .backup: {', '.join(aside)}" if aside else ""
    print(f"{directory}: recordings are resampled to {rate} Hz when they are read{moved}")
