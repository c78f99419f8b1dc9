"""Write utt2dur, the duration of each utterance."""

from __future__ import annotations

from asda.corpus.datadir import DataDir, write_table
from asda.files import InputError


def write_durations(directory: DataDir, jobs: int = 1) -> bool:
    """Write utt2dur unless it exists for exactly these utterances; return whether it was written.

    Durations come from segments and audio headers, or from frame counts if there is no wav.scp.

    Args:
        directory: with wav.scp, or with utt2num_frames and frame_shift
        jobs: number of audio headers read in parallel

    Raises:
        InputError: if the directory has neither, or a header cannot be read.
    """
    if directory.has("utt2dur") and directory.table("utt2dur").keys() == {*directory.utterances}:
        return False
    if directory.has("wav.scp"):
        durations = directory.measured_durations(jobs)
    elif directory.has("utt2num_frames") and directory.has("frame_shift"):
        shift = float((directory.path / "frame_shift").read_text(encoding="utf-8"))
        frames = directory.numbers("utt2num_frames")
        durations = {utterance: count * shift for utterance, count in frames.items()}
    else:
        raise InputError(
            f"{directory.path}: no durations: needs wav.scp, or utt2num_frames and frame_shift"
        )
    write_table(
        directory.path / "utt2dur",
        {utterance: f"{round(seconds, 6)}" for utterance, seconds in durations.items()},
    )
    return True
