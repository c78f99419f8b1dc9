"""Change the audio of data directories by commands of sox in wav.scp: speed, volume, rate."""

from __future__ import annotations

import random
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from asda.audio.wav_scp import split_source
from asda.corpus.datadir import DataDir, write_table
from asda.corpus.edit.combine import combine, copy
from asda.corpus.kaldi_tables import RECORDING, tables_of
from asda.files import InputError

OF_FEATURES = ("feats.scp", "vad.scp", "cmvn.scp", "utt2moments")
OF_SAMPLES = (*OF_FEATURES, "utt2num_frames", "utt2num_samples")  # those of another speed differ
SECONDS = ("utt2dur", "reco2dur")
SPEEDS = ("0.9", "1.1")
VOLUME = "sox --vol"


def through_sox(source: str, read: str = "", write: str = "", effects: str = "") -> str:
    """Return the value of wav.scp for audio that sox has changed.

    Audio at an offset of an archive is read by Kaldi's wav-copy, as in Kaldi's own scripts.

    Args:
        source: the value before
        read, write: options for the input and the output
        effects: of sox, for example "speed 0.9"

    Raises:
        InputError: if the audio lies in an HDF5 file, which sox cannot read.
    """
    output = " ".join(filter(None, [write, "-t wav -", effects, "|"]))
    sox = " ".join(filter(None, ["sox", read]))
    if source.endswith("|"):
        return f"{source} {sox} -t wav - {output}"
    path, location = split_source(source)
    if isinstance(location, str):
        raise InputError(f"{source}: sox cannot read HDF5 files; unpack the clips into WAV files")
    if location is not None:
        return f"wav-copy {shlex.quote(source)} - | {sox} -t wav - {output}"
    # sox takes a leading - for an option, a leading | for a command and :// for an address.
    name = source if re.match(r"[\w./]", source) and "://" not in source else f"./{path}"
    return f"{sox} --no-glob {shlex.quote(name)} {output}"


def change_speed(
    source: DataDir, destination: Path, factor: str, speaker_prefix: bool = True
) -> None:
    """Write a copy of a data directory at another speed, with the IDs sp<factor>-<ID>.

    utt2uniq names the originals. Tables of features are left out.

    Args:
        source: the data directory
        destination: the copy
        factor: above 1 is faster
        speaker_prefix: give speakers new IDs as well

    Raises:
        InputError: if the factor is no number above 0, or there is no wav.scp.
    """
    if not re.fullmatch(r"\d*\.?\d+", factor) or float(factor) == 0:
        raise InputError(f"speed '{factor}': expected a factor such as 0.9")
    prefix = f"sp{factor}-"
    source.table("wav.scp")  # refused before anything is written
    copy(source, destination, utt_prefix=prefix, spk_prefix=prefix if speaker_prefix else "")
    made = DataDir(destination)
    for name, kind in tables_of(made, speakers=False).items():
        path = destination / name
        if name in OF_SAMPLES:
            path.unlink()
            continue
        table = made.table(name)
        if kind == RECORDING:  # those of another speed have other audio, so they need other IDs
            table = {f"{prefix}{key}": value for key, value in table.items()}
        write_table(path, {k: _at_speed(name, v, factor, prefix) for k, v in table.items()})


def _at_speed(name: str, value: str, factor: str, prefix: str) -> str:
    """Return the value of a table for audio at another speed."""

    def scaled(seconds: str) -> str:
        return seconds if float(seconds) < 0 else str(round(float(seconds) / float(factor), 6))

    if name == "wav.scp":
        return through_sox(value, effects=f"speed {factor}")
    if name in SECONDS:
        return scaled(value)
    if name == "segments":
        recording, start, end = value.split()
        return f"{prefix}{recording} {scaled(start)} {scaled(end)}"
    return value


def three_speeds(
    source: DataDir, destination: Path, always_prefix: bool = False, speaker_prefix: bool = True
) -> list[str]:
    """Write a data directory of the audio at speeds 0.9, 1.0 and 1.1; return notes of `combine`.

    Args:
        source: the data directory
        destination: the data directory to write
        always_prefix: IDs at the original speed begin with sp1.0-, and else stay
        speaker_prefix: as for `change_speed`

    Raises:
        InputError: if the destination has features, or as for `change_speed`.
    """
    if (destination / "feats.scp").exists():
        raise InputError(f"{destination / 'feats.scp'}: exists; remove it, or choose another name")
    destination.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=destination.parent, prefix=f".{destination.name}.") as temporary:
        parts = [source]
        if always_prefix:
            parts = [DataDir(_original_speed(source, Path(temporary) / "1.0", speaker_prefix))]
        for factor in SPEEDS:
            change_speed(source, Path(temporary) / factor, factor, speaker_prefix)
            parts.append(DataDir(Path(temporary) / factor))
        notes = combine(destination, parts)
    return [note for note in notes if not note.startswith(tuple(f"{n} " for n in OF_SAMPLES))]


def _original_speed(source: DataDir, folder: Path, speaker_prefix: bool) -> Path:
    copy(source, folder, utt_prefix="sp1.0-", spk_prefix="sp1.0-" if speaker_prefix else "")
    return folder


def change_volume(
    directory: DataDir, low: float, high: float, volumes: Mapping[str, float] | None = None
) -> dict[str, float]:
    """Multiply the audio of each recording by a factor; return recording -> factor.

    Args:
        directory: changed in place; features go to .backup
        low, high: ends of the range from which factors are drawn, the same in each call
        volumes: recording -> factor; None = draw them

    Raises:
        InputError: if a recording has no factor, or the range is empty.
    """
    if not 0 < low <= high:
        raise InputError(f"volumes from {low:g} to {high:g}: expected a range above 0")
    sources = directory.table("wav.scp")
    rng = random.Random(0)
    drawn = {recording: rng.uniform(low, high) for recording in sources}
    factors = drawn if volumes is None else dict(volumes)
    if missing := [recording for recording in sources if recording not in factors]:
        raise InputError(f"no volume for {len(missing)} recordings (first: {missing[0]})")
    changed = {r: through_sox(s, read=f"--vol {factors[r]:.6g}") for r, s in sources.items()}
    write_table(directory.path / "wav.scp", changed)
    set_aside(directory, OF_FEATURES)
    return {recording: factors[recording] for recording in sources}


def change_rate(directory: DataDir, rate: int) -> list[str]:
    """Resample all recordings to a rate in Hz, 16 bits, one channel; return the tables removed.

    Raises:
        InputError: if the rate is not above 0.
    """
    if rate < 1:
        raise InputError(f"sample rate {rate}: expected Hz, such as 16000")
    sources = directory.table("wav.scp")
    changed = {
        recording: through_sox(source, write="-c 1 -b 16", effects=f"rate {rate}")
        for recording, source in sources.items()
    }
    write_table(directory.path / "wav.scp", changed)
    return set_aside(directory, (*OF_FEATURES, "utt2num_samples"))


def set_aside(directory: DataDir, names: tuple[str, ...]) -> list[str]:
    """Move tables that no longer fit the audio to the folder .backup; return their names."""
    found = [name for name in names if directory.has(name)]
    for name in found:
        (directory.path / ".backup").mkdir(exist_ok=True)
        (directory.path / name).replace(directory.path / ".backup" / name)
    return found
