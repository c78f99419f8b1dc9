"""Tables and lists that follow from other tables of a data directory."""

from __future__ import annotations

from asda.corpus.datadir import DataDir, keys_by_value, write_table
from asda.corpus.partition import evenly_spaced
from asda.files import InputError

AUDIO_FILES_AT_ONCE = 4


def whole_segments(directory: DataDir) -> tuple[dict[str, str], list[str]]:
    """Return lines of segments for utterances that are whole recordings.

    Returns:
        utterance -> "recording 0 end", with the end from utt2dur, or else from the audio; and the
        utterances whose end neither tells, for which it is -1 (the end of the recording)
    """
    seconds: dict[str, float] = {}
    if directory.has("utt2dur"):
        seconds = directory.numbers("utt2dur")
    elif directory.has("wav.scp"):
        seconds, _ = directory.measured_durations(AUDIO_FILES_AT_ONCE)
    ends = {utterance: str(round(end, 6)) for utterance, end in seconds.items()}
    lines = {u: f"{u} 0 {ends.get(u, '-1')}" for u in directory.utterances}
    return lines, [utterance for utterance in lines if utterance not in ends]


def write_reco2utt(directory: DataDir) -> None:
    """Write reco2utt: each recording with its utterances."""
    if directory.has("segments"):
        recording_of = {u: recording for u, (recording, _, _) in directory.segments().items()}
    else:
        recording_of = {utterance: utterance for utterance in directory.utterances}
    utterances = keys_by_value(sorted(recording_of.items()))
    lines = {recording: " ".join(names) for recording, names in utterances.items()}
    write_table(directory.path / "reco2utt", lines)


def without_repeats(directory: DataDir, most: int) -> list[str]:
    """Return utterances such that no transcript occurs in more than `most` of them.

    Raises:
        InputError: if `most` is below 1.
    """
    if most < 1:
        raise InputError(f"at most {most} utterances of a transcript: expected 1 or more")
    texts = {u: " ".join(text.split()) for u, text in directory.table("text").items()}
    same = keys_by_value(sorted(texts.items()))
    kept = (evenly_spaced(names, min(most, len(names))) for names in same.values())
    return sorted(name for names in kept for name in names)
