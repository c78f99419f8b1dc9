#!/usr/bin/env python3
"""Data directories for Speech Commands, DATA/FORM/{train,valid,test}.

usage: local/data.py FORM DIR DATA

FORM is v2_35 or v1_30 (all words), or v2_12 or v1_12 (ten commands, silence and other words). DIR
is the unpacked corpus (WORD/SPEAKER_nohash_NUMBER.wav, validation_list.txt and testing_list.txt),
or the folder that contains it as speech_commands_v0.02. The twelve-class forms are tested on
speech_commands_test_set_v0.02, in DIR or next to it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from asda.audio.waveform import AudioError, audio_duration
from asda.corpus.audio_folder import is_clutter
from asda.corpus.csv_table import BadLines
from asda.corpus.edit.sampling_weights import class_balanced_weights
from asda.corpus.write import write_data_dir
from asda.files import InputError, numbered_lines
from asda.script import run_main

FORMS = ("v2_35", "v1_30", "v2_12", "v1_12")
EXPECTED = {"v1": (64721, 30), "v2": (105829, 35)}  # clips and words
LISTS = {"valid": "validation_list.txt", "test": "testing_list.txt"}
COMMANDS = ["yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go"]
SILENCE, UNKNOWN, NOISE = "_silence_", "_unknown_", "_background_noise_"
VALID_NOISE = 10  # every tenth second of background noise goes to the validation set


class Clip(NamedTuple):
    """A whole recording, or one second of it that begins at `start` (seconds)."""

    path: Path
    utterance: str
    speaker: str
    label: str
    start: int | None = None


def main() -> None:
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    form, folder, data = sys.argv[1], Path(sys.argv[2]).resolve(), Path(sys.argv[3])
    version, _, classes = form.partition("_")
    if form not in FORMS:
        known = f"{', '.join(FORMS[:-1])} or {FORMS[-1]}"
        raise InputError(f"--form must be {known}, not '{form}'")
    inside = folder / f"speech_commands_v0.0{version[1:]}"
    corpus = inside if inside.is_dir() else folder
    sets = find_sets(corpus, version)
    if classes == "12":
        sets["test"] = find_test_set(folder, version)
        write_twelve(sets, corpus / NOISE, data / form)
    else:
        for name, clips in sets.items():
            write_set(data / form / name, clips, sorted({c.label for c in sets["train"]}))


def find_sets(corpus: Path, version: str) -> dict[str, list[Clip]]:
    """Return the clips of the official train, valid and test sets, labelled with their words."""
    found = {f"{path.parent.name}/{path.name}": path for path in clips_in(corpus, "[!_.]*/*.wav")}
    sets: dict[str, list[Clip]] = {}
    rest = dict(found)
    for name, file in LISTS.items():
        sets[name], bad = [], BadLines(corpus / file)
        for number, text in numbered_lines(corpus / file):
            line = text.strip()
            if not line:
                continue
            if line in rest:
                sets[name].append(clip_of(rest.pop(line)))
            else:
                bad.add(
                    f"{corpus / file}:{number}: no file {line} in {corpus}, or listed twice; "
                    "unpack the corpus again"
                )
        bad.refuse()
    clips, words = EXPECTED[version]
    names = {path.parent.name for path in found.values()}
    print(f"{len(found)} of {clips} clips, {len(names)} of {words} words found in {corpus}")
    return {"train": [clip_of(path) for path in rest.values()], **sets}


def clips_in(folder: Path, pattern: str) -> Iterator[Path]:
    """Yield the files of a pattern, without what file managers leave between them."""
    return (path for path in folder.glob(pattern) if not is_clutter(path.name))


def clip_of(path: Path, prefix: str = "") -> Clip:
    """Return the clip in WORD/SPEAKER_nohash_NUMBER.wav; other names do not tell the speaker.

    Utterance IDs begin with the speaker, as Kaldi's sorting requires.
    """
    word = path.parent.name
    speaker, _, number = path.stem.partition("_nohash_")
    if not number:
        return Clip(path, f"{prefix}{word}-{path.stem}", f"{prefix}{word}-{path.stem}", word)
    return Clip(path, f"{speaker}_{prefix}{word}_{number}", speaker, word)


def find_test_set(folder: Path, version: str) -> list[Clip]:
    """Return the clips of the official test set for the twelve-class forms."""
    name = f"speech_commands_test_set_v0.0{version[1:]}"
    for test_set in (folder / name, folder.parent / name):
        if test_set.is_dir():
            classes = (*COMMANDS, SILENCE, UNKNOWN)
            paths = [path for label in classes for path in clips_in(test_set / label, "*.wav")]
            return [clip_of(path, prefix="test-") for path in paths]
    raise InputError(f"{folder / name}: no such folder; unpack {name}.tar.gz there, the test set")


def write_twelve(sets: dict[str, list[Clip]], noise: Path, folder: Path) -> None:
    """Write a twelve-class form, with sampling weights that balance its classes in training."""
    silences: dict[str, list[Clip]] = {"train": [], "valid": [], "test": []}
    for recording in clips_in(noise, "*.wav"):
        for second, clip in enumerate(seconds_of(recording)):
            silences["train" if second % VALID_NOISE else "valid"].append(clip)
    labels = [*COMMANDS, SILENCE, UNKNOWN]
    for name, silence in silences.items():
        words = [c if c.label in labels else c._replace(label=UNKNOWN) for c in sets[name]]
        write_set(folder / name, [*words, *silence], labels, weighted=name == "train")


def seconds_of(recording: Path) -> list[Clip]:
    """Cut a recording of background noise into one-second clips."""
    name = f"noise-{recording.stem}"
    try:
        seconds = int(audio_duration(str(recording)))
    except AudioError as error:
        raise InputError(f"{recording}: {error}; unpack the corpus again") from None
    return [
        Clip(recording, f"{name}_{second:03d}", name, SILENCE, second) for second in range(seconds)
    ]


def write_set(folder: Path, clips: list[Clip], labels: list[str], weighted: bool = False) -> None:
    """Write one data directory."""
    tables = {"utt2label": {clip.utterance: clip.label for clip in clips}}
    if any(clip.start is not None for clip in clips):
        tables["wav.scp"] = {recording_of(clip): str(clip.path) for clip in clips}
        tables["segments"] = {
            clip.utterance: f"{recording_of(clip)} {times_of(clip)}" for clip in clips
        }
    else:
        tables["wav.scp"] = {clip.utterance: str(clip.path) for clip in clips}
    if weighted:
        tables["utt2weight"] = class_balanced_weights(tables["utt2label"])
    write_data_dir(folder, tables, labels, {clip.utterance: clip.speaker for clip in clips})


def recording_of(clip: Clip) -> str:
    return clip.utterance if clip.start is None else clip.speaker


def times_of(clip: Clip) -> str:
    return "0 -1" if clip.start is None else f"{clip.start} {clip.start + 1}"


if __name__ == "__main__":
    run_main(main)
