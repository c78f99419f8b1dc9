"""Steps that several verbs of `asda data` take, each of them also a verb or a part of one."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asda.corpus.datadir import DataDir
    from asda.corpus.edit.durations import Durations


def print_some(notes: list[str], shown: int = 10) -> None:
    for note in notes[:shown]:
        print(f"warning: {note}", file=sys.stderr)
    if len(notes) > shown:
        print(f"warning: and {len(notes) - shown} more", file=sys.stderr)


def validate(
    directory: Path,
    no_feats: bool = False,
    no_text: bool = False,
    no_wav: bool = False,
    no_spk_sort: bool = False,
    non_print: bool = False,
    check_audio: int = 0,
    shown: int = 10,
) -> None:
    from asda.corpus.datadir import DataDir
    from asda.corpus.edit.validate import Checks
    from asda.corpus.edit.validate import validate as find_problems
    from asda.files import InputError

    checks = Checks(
        feats=not no_feats,
        text=not no_text,
        wav=not no_wav,
        spk_sort=not no_spk_sort,
        non_print=non_print,
        audio=check_audio,
        shown=shown,
    )
    report = find_problems(directory, checks)
    for line in report.lines():
        print(line, file=sys.stderr)
    if report.count:
        raise InputError(
            f"{directory}: problems: {report.count}; utils/fix_data_dir.sh {directory} "
            "repairs order, duplicate lines and utterances missing from some files"
        )
    print(f"{directory}: valid, {_utterances_and_speakers(DataDir(directory))}")


def _utterances_and_speakers(directory: DataDir) -> str:
    from asda.files import plural

    speakers = {*directory.table("utt2spk").values()}
    utterances = directory.utterances
    known = f" of {len(speakers)} {plural(len(speakers), 'speaker')}"
    found = f"{len(utterances)} {plural(len(utterances), 'utterance')}"
    return found if speakers == {*utterances} else found + known


def validate_copy(source: DataDir, destination: Path, **options: Any) -> None:
    """Validate a copy, requiring no file that the original directory lacks.

    Args:
        source: the original
        destination: the copy
        options: further arguments of `validate`
    """
    absent = {
        "no_feats": not source.has("feats.scp"),
        "no_text": not (source.has("text") or source.has("utt2label")),
        "no_wav": not source.has("wav.scp"),
    }
    options |= {name: True for name, is_absent in absent.items() if is_absent}
    validate(destination, **options)


def fix(directory: Path, utt_extra_files: str = "", spk_extra_files: str = "") -> None:
    from asda.corpus.edit.fix import fix as repair
    from asda.corpus.kaldi_tables import SPEAKER, UTTERANCE

    extra = dict.fromkeys(utt_extra_files.split(), UTTERANCE)
    extra.update(dict.fromkeys(spk_extra_files.split(), SPEAKER))
    fixed = repair(directory, extra)
    print_some(fixed.notes)
    before = len(fixed.kept) + len(fixed.dropped)
    dropped = f", see {directory}/.backup/dropped_utterances" if fixed.dropped else ""
    print(f"{directory}: kept {len(fixed.kept)} of {before} utterances{dropped}")


def utt2dur(
    directory: Path, nj: int = 4, frame_shift: float | None = None, **options: str | None
) -> None:
    from asda.corpus.datadir import DataDir
    from asda.corpus.edit.durations import write_durations

    data = DataDir(directory)
    counted = data.has("utt2num_frames") or data.has("feats.scp")
    frames = partial(_frames_of, data) if counted else None
    _print_durations(directory / "utt2dur", write_durations(data, nj, frames, frame_shift))


def _frames_of(data: DataDir) -> dict[str, float]:
    from asda.features.frame_counts import frames_of

    return frames_of(data)


def reco2dur(directory: Path, nj: int = 4, **options: float | str | None) -> None:
    from asda.corpus.datadir import DataDir
    from asda.corpus.edit.durations import write_recording_durations

    _print_durations(directory / "reco2dur", write_recording_durations(DataDir(directory), nj))


def _print_durations(path: Path, durations: Durations) -> None:
    written, bad = durations
    print_some([f"{key}: {reason}" for key, reason in sorted(bad.items())])
    left_out = f" without {len(bad)} of them; utils/fix_data_dir.sh removes those" if bad else ""
    print(f"{path}: {'written' if written else 'up to date'}{left_out}")
