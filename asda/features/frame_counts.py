"""Numbers of frames of stored features, also of those that Kaldi or ESPnet made."""

from __future__ import annotations

from collections.abc import Mapping

from asda.corpus.datadir import DataDir
from asda.features.archive import ArchiveReader
from asda.features.stored_faults import stored_shapes
from asda.files import InputError, listed

NO_FEATURES = -(2**63)  # in place of a number of frames
SHOWN = 3  # faulty matrices that a message describes


def frames_of(directory: DataDir) -> dict[str, float]:
    """Return utterance -> frames, from utt2num_frames or else from the matrices of feats.scp.

    Only headers are read, except of formats that need kaldiio.

    Raises:
        InputError: if a matrix cannot be read, or a line of utt2num_frames is no number.
    """
    if directory.has("utt2num_frames"):
        return directory.numbers("utt2num_frames")
    return counted_frames(directory, directory.table("feats.scp"))


def counted_frames(directory: DataDir, table: Mapping[str, str]) -> dict[str, float]:
    """Return utterance -> frames of the matrices of a feats.scp.

    Raises:
        InputError: if a matrix cannot be read.
    """
    counts: dict[str, float] = {}
    faults: list[str] = []
    for utterance, shape in stored_shapes(table, table, ArchiveReader()).items():
        if isinstance(shape, str):
            faults.append(f"'{utterance}' {shape}")
        else:
            counts[utterance] = float(shape[0])
    if faults:
        raise InputError(
            f"{directory.path / 'feats.scp'}: {len(faults)} of {len(table)} matrices cannot be "
            f"used: {listed(sorted(faults), SHOWN, '; ')}; compute them again, or remove their "
            "lines"
        )
    return counts
