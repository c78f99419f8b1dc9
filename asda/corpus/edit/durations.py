"""Write utt2dur, the duration of each utterance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from asda.corpus.datadir import DataDir, write_table
from asda.files import InputError


class Durations(NamedTuple):
    """The result of writing utt2dur.

    Args:
        written: False if it existed for exactly these utterances
        bad: utterance -> reason, for those left out because their audio is unusable
    """

    written: bool
    bad: Mapping[str, str] = {}


def write_durations(directory: DataDir, jobs: int = 1) -> Durations:
    """Write utt2dur unless it exists for exactly these utterances.

    Durations come from segments and audio, or from frame counts if there is no wav.scp.

    Args:
        directory: with wav.scp, or with utt2num_frames and frame_shift
        jobs: number of audio files read in parallel

    Raises:
        InputError: if the directory has neither, or no utterance has usable audio.
    """
    if directory.has("utt2dur") and directory.table("utt2dur").keys() == {*directory.utterances}:
        return Durations(written=False)
    bad: dict[str, str] = {}
    if directory.has("wav.scp"):
        durations, bad = directory.measured_durations(jobs)
    elif directory.has("utt2num_frames") and directory.has("frame_shift"):
        shift = float((directory.path / "frame_shift").read_text(encoding="utf-8"))
        frames = directory.numbers("utt2num_frames")
        durations = {utterance: count * shift for utterance, count in frames.items()}
    else:
        raise InputError(
            f"{directory.path}: no durations: needs wav.scp, or utt2num_frames and frame_shift"
        )
    if not durations and bad:
        raise InputError(
            f"{directory.path}: none of {len(bad)} utterances has usable audio; "
            f"'{min(bad)}': {bad[min(bad)]}"
        )
    write_table(
        directory.path / "utt2dur",
        {utterance: f"{round(seconds, 6)}" for utterance, seconds in durations.items()},
    )
    return Durations(True, bad)
