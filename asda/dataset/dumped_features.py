"""Log-mel features that are stored: in a dump, or in a data directory of Kaldi or ESPnet."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from asda.configuration import load, to_dict
from asda.corpus.datadir import DataDir
from asda.corpus.packed_columns import packed_numbers
from asda.corpus.packed_table import PackedTable, read_packed
from asda.dump.missing_archives import check_archives
from asda.features.archive import ArchiveReader
from asda.features.archive_places import ArchivePlaces
from asda.features.fbank_config import FbankConfig
from asda.features.frame_counts import NO_FEATURES, counted_frames
from asda.features.matrix import Matrix
from asda.features.moments import Moments, summed_moments
from asda.features.stored_faults import stored_faults
from asda.files import InputError, listed

SHOWN = 3  # faulty matrices that a message describes
log = logging.getLogger(__name__)


class DumpedFeatures:
    """Features of the utterances in the feats.scp of a dump or of a data directory.

    Args:
        folder: holds feats.scp; frames are counted without utt2num_frames, and moments summed
            without utt2moments, so that a directory of Kaldi or ESPnet will do

    Raises:
        InputError: if a table is missing or damaged.
    """

    def __init__(self, folder: str | Path):
        self.directory = DataDir(folder)
        if not self.directory.has("feats.scp"):
            raise InputError(f"{folder}: no feats.scp; make the dump first (stage 2 of a recipe)")
        self.table = read_packed(self.directory.path / "feats.scp")
        self.frames = self._frames()
        self.reader = ArchiveReader()
        self.fbank_config()  # errors in the file appear now and not when a model is written

    def _frames(self) -> np.ndarray:
        """Return the number of frames of each line of feats.scp, (lines,) float64."""
        name = "utt2num_frames"
        if self.directory.has(name):
            recorded = read_packed(self.directory.path / name)
            rows = _rows_of_all(self.directory.path / name, recorded, self.table.names)
            return packed_numbers(self.directory, name, recorded, rows)
        log.info(
            "%s: no utt2num_frames: counting the frames of all matrices, as each run does until"
            " utils/data/get_utt2num_frames.sh writes it",
            self.directory.path,
        )
        counted = counted_frames(self.directory, self.table)
        return np.fromiter((counted[key] for key in self.table), np.float64, len(self.table))

    def __contains__(self, utterance: str) -> bool:
        return utterance in self.table

    def num_frames(self, utterance: str) -> int:
        return int(self.frames[self.table.row(utterance)])

    def frame_counts(self, utterances: Sequence[str]) -> np.ndarray:
        rows = self.table.rows(utterances)
        counts = np.full(len(rows), NO_FEATURES, np.int64)
        counts[rows >= 0] = self.frames[rows[rows >= 0]]
        return counts

    def features(self, utterance: str) -> Matrix:
        """Return log-mel features (frames, mel), which are read later."""
        return self.reader.open_matrix(self.table[utterance])

    def moments(self, utterances: Sequence[str]) -> Moments:
        """Return the moments recorded for these utterances; without a record, all are read."""
        path = self.directory.path / "utt2moments"
        if not path.exists():
            log.info("%s: no such file: reading all features for their mean", path)
            read = (Moments.of(self.reader.read(self.table[u])) for u in utterances)
            return sum(read, Moments(0, 0.0, 0.0))
        table = read_packed(path)
        return summed_moments(path, table, _rows_of_all(path, table, utterances))

    def fbank_config(self) -> dict[str, Any]:
        path = self.directory.path / "fbank.yaml"
        return to_dict(load(FbankConfig, path)) if path.exists() else {}

    def disk_order(self, utterances: Sequence[str]) -> np.ndarray:
        """Return the rank of each utterance by archive and offset, (utterances,) int64."""
        places = ArchivePlaces(self.table, self.table.rows(utterances))
        names = [str(path) for path in places.paths]
        in_order = {name: number for number, name in enumerate(sorted(names))}
        archives = np.array([in_order[name] for name in names], np.int64)[places.archives]
        ranks = np.empty(len(archives), np.int64)
        ranks[np.lexsort((places.offsets, archives))] = np.arange(len(archives))
        return ranks

    def read_ahead(self, utterances: Sequence[str]) -> None:
        self.reader.read_ahead(
            [self.table[utterance] for utterance in utterances],
            [self.num_frames(utterance) for utterance in utterances],
        )

    def check(self, utterances: Sequence[str]) -> None:
        """Refuse stored features that cannot be used; their values are not read.

        Raises:
            InputError: naming missing archives of a dump, or utterances whose matrices do not fit
                to the others or to the tables.
        """
        path = self.directory.path / "feats.scp"
        if self.directory.has("utt2source"):  # a dump, whose matrices are alike
            check_archives(path, self.table, self.table.rows(utterances))
            return
        frames = {key: self.frames[self.table.row(key)] for key in utterances}
        faults = stored_faults(utterances, self.table, frames, self.reader)
        if faults:
            reasons = [f"'{utterance}' {faults[utterance]}" for utterance in sorted(faults)]
            raise InputError(
                f"{path}: {len(faults)} of {len(utterances)} matrices cannot be used: "
                f"{listed(reasons, SHOWN, '; ')}; compute them again, or remove their lines"
            )


def _rows_of_all(path: Path, table: PackedTable, utterances: Sequence[str]) -> np.ndarray:
    """Return the number of the line of each utterance, (utterances,) int64.

    Raises:
        InputError: if one has no line.
    """
    rows = table.rows(utterances)
    missing = np.flatnonzero(rows < 0)
    if len(missing):
        others = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise InputError(f"{path}: no line for utterance '{utterances[missing[0]]}'{others}")
    return rows
