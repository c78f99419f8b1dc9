"""Which files of a Kaldi data directory are tables, and what their keys stand for."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from asda.corpus.datadir import DataDir, keys_by_value, write_table
from asda.files import InputError

UTTERANCE, RECORDING, SPEAKER = "utterance", "recording", "speaker"

KEYS = {
    "utt2spk": UTTERANCE,
    "segments": UTTERANCE,
    "text": UTTERANCE,
    "utt2label": UTTERANCE,
    "utt2weight": UTTERANCE,
    "utt2dur": UTTERANCE,
    "utt2num_frames": UTTERANCE,
    "utt2num_samples": UTTERANCE,
    "utt2moments": UTTERANCE,
    "utt2lang": UTTERANCE,
    "utt2uniq": UTTERANCE,
    "utt2warp": UTTERANCE,
    "feats.scp": UTTERANCE,
    "vad.scp": UTTERANCE,
    "wav.scp": RECORDING,
    "reco2dur": RECORDING,
    "reco2file_and_channel": RECORDING,
    "spk2utt": SPEAKER,
    "spk2gender": SPEAKER,
    "spk2warp": SPEAKER,
    "cmvn.scp": SPEAKER,
}
SPEAKER_TABLES = ("utt2spk", "spk2utt")  # written together, see `write_speakers`
SINGLE_VALUES = ("frame_shift", "feats_type", "feats_dim")
_PREFIXES = {"utt2": UTTERANCE, "reco2": RECORDING, "spk2": SPEAKER}


def tables_of(
    directory: DataDir, extra: Mapping[str, str] | None = None, speakers: bool = True
) -> dict[str, str]:
    """Return name -> kind of key (UTTERANCE, RECORDING, SPEAKER) for every table present.

    Without `segments` every recording is an utterance, so wav.scp counts as keyed by utterance.

    Args:
        directory: the data directory
        extra: kind of key of tables with other names; tables not in KEYS, such as utt2fold, are
            recognised by prefix (utt2*, reco2*, spk2*)
        speakers: include utt2spk and spk2utt
    """
    found = {}
    for name in sorted(path.name for path in directory.path.iterdir() if path.is_file()):
        key = (extra or {}).get(name) or KEYS.get(name) or _by_prefix(name)
        if key == RECORDING and not directory.has("segments"):
            key = UTTERANCE
        if key and (speakers or name not in SPEAKER_TABLES):
            found[name] = key
    return found


def _by_prefix(name: str) -> str | None:
    # Backup copies such as utt2spk.old and utt2spk~ are not tables.
    matching = (key for prefix, key in _PREFIXES.items() if name.startswith(prefix))
    return next(matching, None) if name.isidentifier() else None


def write_speakers(folder: Path, utt2spk: Mapping[str, str]) -> None:
    """Write utt2spk and its inverse, spk2utt."""
    spk2utt = keys_by_value(sorted(utt2spk.items()))
    write_table(folder / "utt2spk", utt2spk)
    write_table(folder / "spk2utt", {key: " ".join(value) for key, value in spk2utt.items()})


def copy_constants(source: DataDir, folder: Path) -> None:
    """Copy the files that hold for all utterances: labels.txt and the single values."""
    for name in filter(source.has, ("labels.txt", *SINGLE_VALUES)):
        shutil.copyfile(source.path / name, folder / name)


def begin_directory(folder: Path, sources: Iterable[DataDir], names: Iterable[str]) -> None:
    """Create the folder of a new data directory, and remove tables not in `names` from it.

    A directory that is written again must not keep tables of its earlier self, which would not
    match the new ones. Tables in `names` are left to be replaced one by one.

    Raises:
        InputError: if it is also the folder of one of the `sources`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.samefile(source.path) for source in sources):
        raise InputError(f"{folder}: source and destination are the same directory")
    for name in set(tables_of(DataDir(folder))).difference(names):
        (folder / name).unlink()
