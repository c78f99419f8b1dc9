"""Report missing and broken clips by list and by class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from audio_files import Audio
from check import Usable
from segments import LISTS, Segment

from asda.corpus.datadir import write_table
from asda.files import atomic_write

WORST = 5
LATE = 0.5  # seconds; a clip that ends this long before its segment is counted as short


def write_report(
    folder: Path,
    segments: Mapping[str, Segment],
    usable: Mapping[str, Usable],
    broken: Mapping[str, str],
    audio: Audio,
    classes: Mapping[str, str],
) -> None:
    """Print a summary; write `unusable` (clip, list and reason) and `classes.tsv`.

    Args:
        folder: where to write, data/report
        segments: video -> segment
        usable: video -> usable clip
        broken: video -> problem
        audio: all audio found
        classes: MID -> label as written to utt2label
    """
    lost = {video: broken.get(video, "missing") for video in segments.keys() - usable.keys()}
    table = {f"Y{video}": f"{segments[video].part} {reason}" for video, reason in lost.items()}
    write_table(folder / "unusable", table)
    listed = _count_labels(segments, segments)
    found = _count_labels(segments, usable)
    parts = [part for part in LISTS if listed[part]]
    with atomic_write(folder / "classes.tsv") as stream:
        columns = [f"{part} {what}" for part in parts for what in ("listed", "usable", "fraction")]
        print("mid", "label", *columns, sep="\t", file=stream)
        for mid, label in classes.items():
            cells = [_cells(found[part][label], listed[part][label]) for part in parts]
            print(mid, label, *(cell for row in cells for cell in row), sep="\t", file=stream)
    for part in parts:
        _print_part(part, segments, lost, listed[part], found[part])
    _print_oddities(segments, usable, audio)
    print(f"unusable clips: {folder}/unusable; usable clips by class: {folder}/classes.tsv")


def _count_labels(
    segments: Mapping[str, Segment], videos: Iterable[str]
) -> dict[str, Counter[str]]:
    counts: dict[str, Counter[str]] = {part: Counter() for part in LISTS}
    combinations = Counter((segments[video].part, segments[video].labels) for video in videos)
    for (part, labels), number in combinations.items():
        for label in labels.split():
            counts[part][label] += number
    return counts


def _cells(found: int, listed: int) -> tuple[int, int, str]:
    return listed, found, f"{found / listed:.3f}" if listed else "-"


def _print_part(
    part: str,
    segments: Mapping[str, Segment],
    lost: Mapping[str, str],
    listed: Counter[str],
    found: Counter[str],
) -> None:
    total = sum(segment.part == part for segment in segments.values())
    reasons = Counter(
        reason.partition(":")[0] for video, reason in lost.items() if segments[video].part == part
    )
    count = total - reasons.total()
    why = ", ".join(f"{number} {reason}" for reason, number in reasons.most_common())
    print(f"{part}: {count} of {total} clips ({count / total:.1%}){': ' if why else ''}{why}")
    worst = sorted(listed, key=lambda label: found[label] / listed[label])[:WORST]
    losses = [f"{label} {found[label]} of {listed[label]}" for label in worst if reasons]
    if losses:
        print(f"  classes with most clips missing: {'; '.join(losses)}")


def _print_oddities(
    segments: Mapping[str, Segment], usable: Mapping[str, Usable], audio: Audio
) -> None:
    short = long = 0
    for video, clip in usable.items():
        if clip.seconds is not None:
            excess = clip.seconds - (segments[video].end - segments[video].start)
            short += excess < -LATE
            long += excess > 1
    for number, what in (
        (short, f"usable clips end more than {LATE} s before the end of their segment"),
        (long, "usable clips are more than 1 s longer than their segment: were they not cut?"),
        (sum(map(len, audio.others.values())), "further copies of clips were found"),
    ):
        if number:
            print(f"{number} {what}")
    for sources, why in (
        (audio.elsewhere, "the times in their names are not those of the lists"),
        (
            audio.unclear,
            "their names are not YTID, YTID_START, YTID_START_END or YTID_START-END",
        ),
        (audio.unlisted, "their video is not listed"),
    ):
        if sources:
            print(f"{len(sources)} audio files were ignored: {why}, for example {sources[0]}")
