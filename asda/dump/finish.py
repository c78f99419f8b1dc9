"""The last step of a dump: the tables of all utterances."""

from __future__ import annotations

import shutil
from pathlib import Path

from asda.corpus.datadir import read_table, write_table
from asda.dump.bad_utterances import check_bad, list_bad
from asda.dump.folder import Dump, Entry
from asda.files import InputError, readable_size


def finish(folder: Path, max_bad: float) -> None:
    """Write the tables of a dump whose jobs have ended, and print a summary.

    Args:
        folder: the dump
        max_bad: fraction of the requested utterances that may be unusable

    Raises:
        InputError: if jobs are incomplete, or more utterances are unusable; the tables are then
            left as they were.
    """
    dump = Dump(folder)
    wanted = read_table(dump.jobs / "wanted")
    entries = dump.entries()
    bad = _bad(dump)
    _check_complete(dump, wanted, entries, bad)
    list_bad(dump.bad_file, bad)
    check_bad(bad, len(wanted), max_bad, "--max-bad", str(folder), dump.bad_file)
    held = _publish(dump, dump.published() | wanted, entries, bad)
    shutil.rmtree(dump.jobs)
    size = sum(path.stat().st_size for path in dump.archives.iterdir())
    print(
        f"{folder}: kept {len(wanted) - len(bad)} of {len(wanted)} utterances"
        + (f" (see {dump.bad_file})" if bad else "")
        + f"; the dump holds {held}, {readable_size(size)}"
    )


def _bad(dump: Dump) -> dict[str, str]:
    bad: dict[str, str] = {}
    for path in dump.jobs.glob("bad.*"):
        bad |= read_table(path)
    return bad


def _check_complete(
    dump: Dump, wanted: dict[str, str], entries: dict[tuple[str, str], Entry], bad: dict[str, str]
) -> None:
    missing = [one for one in wanted.items() if one not in entries and one[0] not in bad]
    if missing:
        raise InputError(
            f"{dump.folder}: {len(missing)} of {len(wanted)} utterances are not computed "
            f"('{missing[0][0]}' is the first): a job failed or was interrupted, see "
            f"{dump.folder}/log; repeat the same command to compute the rest"
        )


def _publish(
    dump: Dump, wanted: dict[str, str], entries: dict[tuple[str, str], Entry], bad: dict[str, str]
) -> int:
    """Write the tables, feats.scp last; remove archives without any current features.

    Returns:
        number of utterances in the tables.
    """
    found = [entries[one] for one in wanted.items() if one in entries]
    if not found:
        reason = f": none can be used; '{min(bad)}': {bad[min(bad)]}" if bad else ""
        raise InputError(f"{dump.folder}: no utterances{reason}")
    archives = dump.archives.resolve()
    tables = {
        "utt2source": {entry.utterance: entry.fingerprint for entry in found},
        "utt2num_frames": {entry.utterance: str(entry.frames) for entry in found},
        "utt2moments": {entry.utterance: str(entry.moments) for entry in found},
        "feats.scp": {
            entry.utterance: f"{archives}/{entry.archive}.ark:{entry.offset}" for entry in found
        },
    }
    for name, table in tables.items():
        write_table(dump.folder / name, table)
    # Utterances that are not in the tables may belong to an interrupted dump of other data.
    dump.remove_archives(
        keep={
            entry.archive
            for entry in entries.values()
            if wanted.get(entry.utterance, entry.fingerprint) == entry.fingerprint
        }
    )
    return len(found)
