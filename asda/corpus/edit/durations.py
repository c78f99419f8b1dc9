"""Write utt2dur and reco2dur, the durations of utterances and recordings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from asda.audio.wav_scp import AudioSegment
from asda.corpus.datadir import DataDir, write_table
from asda.files import InputError

FRAME_SHIFT = 0.01  # seconds, Kaldi's default
# Kaldi's windows of 25 ms, each 10 ms after the one before, reach 15 ms beyond the last shift.
SHIFTS_BEYOND = 1.5
MEASURED = 10  # utterances that tell the frame shift of a directory
ROUNDED = 2e-4  # seconds by which it may differ from Kaldi's, since durations are no whole shifts

Measured = tuple[Mapping[str, float], Mapping[str, str]]  # seconds, and reasons of those without


class Durations(NamedTuple):
    """The result of writing utt2dur or reco2dur.

    Args:
        written: False if it existed for exactly these utterances or recordings
        bad: utterance -> reason, for those left out because their audio is unusable
    """

    written: bool
    bad: Mapping[str, str] = {}


def write_durations(
    directory: DataDir,
    jobs: int = 1,
    frames: Callable[[], Mapping[str, float]] | None = None,
    shift: float | None = None,
) -> Durations:
    """Write utt2dur unless it exists for exactly these utterances.

    Durations come from segments and audio, or from frame counts if there is no wav.scp: those of
    so many of Kaldi's windows, (frames + 1.5) * shift.

    Args:
        directory: with wav.scp, segments, or features
        jobs: number of audio files read in parallel
        frames: count the frames of each utterance; None = they cannot be counted
        shift: seconds from one frame to the next; None = those of `frame_shift`

    Raises:
        InputError: if the directory has none of them, or no utterance has usable audio.
    """
    if directory.has("utt2dur") and directory.table("utt2dur").keys() == {*directory.utterances}:
        return Durations(written=False)
    if directory.has("wav.scp"):
        measured: Measured = directory.measured_durations(jobs)
    elif directory.has("segments"):
        measured = _between(directory)
    elif frames is not None:
        shift = shift or frame_shift(directory)
        measured = {u: (count + SHIFTS_BEYOND) * shift for u, count in frames().items()}, {}
    else:
        raise InputError(
            f"{directory.path}: no durations: needs wav.scp, segments, utt2num_frames or feats.scp"
        )
    return _write(directory, "utt2dur", measured)


def write_recording_durations(directory: DataDir, jobs: int = 1) -> Durations:
    """Write reco2dur unless it exists for exactly the recordings of wav.scp.

    Raises:
        InputError: if there is no wav.scp, or no recording has usable audio.
    """
    sources = directory.table("wav.scp")
    if directory.has("reco2dur") and directory.table("reco2dur").keys() == sources.keys():
        return Durations(written=False)
    whole = {recording: AudioSegment(source) for recording, source in sources.items()}
    return _write(directory, "reco2dur", directory.measured_durations(jobs, whole))


def frame_shift(directory: DataDir) -> float:
    """Return the seconds of a shift in the file frame_shift, Kaldi's default without it."""
    if not directory.has("frame_shift"):
        return FRAME_SHIFT
    path = directory.path / "frame_shift"
    text = path.read_text(encoding="utf-8", errors="replace").strip()
    try:
        return float(text)
    except ValueError:
        raise InputError(f"{path}:1: expected seconds, such as 0.01, found '{text}'") from None


def measured_frame_shift(directory: DataDir, frames: Mapping[str, float]) -> float:
    """Return the seconds of a shift as stated in frame_shift, or as the first utterances have it.

    Args:
        directory: with frame_shift or utt2dur
        frames: utterance -> number of frames
    """
    if directory.has("frame_shift") or not directory.has("utt2dur"):
        return frame_shift(directory)
    seconds = directory.numbers("utt2dur")
    first = [utterance for utterance in sorted(frames) if utterance in seconds][:MEASURED]
    shifts = sum(frames[utterance] + SHIFTS_BEYOND for utterance in first)
    shift = sum(seconds[utterance] for utterance in first) / shifts if first else FRAME_SHIFT
    return FRAME_SHIFT if abs(shift - FRAME_SHIFT) < ROUNDED else shift


def frames_of_seconds(directory: DataDir) -> dict[str, float]:
    """Return utterance -> number of Kaldi's windows that fit into its duration."""
    shift = frame_shift(directory)
    return {
        utterance: max(0.0, float(int(seconds / shift - SHIFTS_BEYOND + 1e-6)))
        for utterance, seconds in directory.durations().items()
    }


def _between(directory: DataDir) -> Measured:
    times = directory.segments()
    known = {u: end - start for u, (_, start, end) in times.items() if end is not None}
    reason = "its segment has no end, and there is no wav.scp"
    return known, {utterance: reason for utterance in times if utterance not in known}


def _write(directory: DataDir, name: str, measured: Measured) -> Durations:
    durations, bad = measured
    if not durations and bad:
        raise InputError(
            f"{directory.path}: none of {len(bad)} utterances has usable audio; "
            f"'{min(bad)}': {bad[min(bad)]}"
        )
    write_table(
        directory.path / name, {key: f"{round(seconds, 6)}" for key, seconds in durations.items()}
    )
    return Durations(True, bad)
