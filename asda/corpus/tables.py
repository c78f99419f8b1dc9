"""What the files of a Kaldi data directory are keyed by; the only place that knows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from asda.corpus.datadir import DataDir, write_table
from asda.corpus.partition import inverted
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
    "feats.scp": UTTERANCE,
    "vad.scp": UTTERANCE,
    "wav.scp": RECORDING,
    "reco2dur": RECORDING,
    "reco2file_and_channel": RECORDING,
    "spk2utt": SPEAKER,
    "spk2gender": SPEAKER,
    "cmvn.scp": SPEAKER,
}
SINGLE_VALUES = ("frame_shift", "feats_type", "feats_dim")
_PREFIXES = {"utt2": UTTERANCE, "reco2": RECORDING, "spk2": SPEAKER}


def tables_of(directory: DataDir, extra: dict[str, str] | None = None) -> dict[str, str]:
    """Return name -> what it is keyed by, of the tables that a data directory holds.

    Recordings are utterances where there is no `segments`. Files that only their names
    (utt2fold, say) tell about are included; `extra` tells about more.
    """
    found = {}
    for name in sorted(path.name for path in directory.path.iterdir() if path.is_file()):
        key = (extra or {}).get(name) or KEYS.get(name) or _by_prefix(name)
        if key == RECORDING and not directory.has("segments"):
            key = UTTERANCE
        if key:
            found[name] = key
    return found


def _by_prefix(name: str) -> str | None:
    # utt2spk.old and utt2spk~ are no tables of the directory
    matching = (key for prefix, key in _PREFIXES.items() if name.startswith(prefix))
    return next(matching, None) if name.isidentifier() else None


def write_speakers(folder: Path, utt2spk: Mapping[str, str]) -> None:
    """Write utt2spk and its inverse, spk2utt."""
    spk2utt = inverted(sorted(utt2spk.items()))
    write_table(folder / "utt2spk", utt2spk)
    write_table(folder / "spk2utt", {key: " ".join(value) for key, value in spk2utt.items()})


def begin_directory(folder: Path, sources: Iterable[DataDir], names: Iterable[str]) -> None:
    """Make the folder of a new data directory, without tables but `names` of an earlier one.

    Raises:
        InputError: if it is the folder of one of the `sources`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.samefile(source.path) for source in sources):
        raise InputError(f"{folder}: source and destination are the same directory")
    for name in set(tables_of(DataDir(folder))).difference(names):
        (folder / name).unlink()
