"""Notes in RESULTS.md: long clips, classes without training clips, text that is in no unit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from asda.files import listed
from asda.scoring.metrics import METRICS
from asda.scoring.tables import number

HOW_SCORED = {
    "windows": "averaged over windows of the whole clip",
    "start": "scored by their start alone (data.long_clips: start)",
    "joined": "recognised in windows that overlap by an eighth, whose outputs are joined",
}


def result_notes(result: Mapping[str, Any]) -> list[str]:
    """Return lines for RESULTS.md.

    Args:
        result: the content of result.json, of which `windows`, `untrained` and `unwritable` are
            used if present
    """
    notes = []
    if result.get("windows", {}).get("longer"):
        notes.append(_long_clips(result["windows"], result["clips"]["found"]))
    if result.get("untrained"):
        notes.append(_untrained(result["untrained"], result["classes"]))
    if result.get("unwritable"):
        note = unwritable_note(result["unwritable"], result["clips"]["found"])
        notes.append(f"{note}. Each counts as an error.")
    return notes


def _long_clips(windows: Mapping[str, Any], clips: int) -> str:
    length = f"{windows['max_frames']} frames"
    if windows["seconds"] is not None:
        length = f"{windows['seconds']:.2f} s ({length})"
    how = HOW_SCORED[windows["scored"]]
    return f"{windows['longer']} of {clips} clips are longer than {length}: {how}."


def _untrained(untrained: Mapping[str, Any], classes: int) -> str:
    names = untrained["classes"]
    note = (
        f"{len(names)} of {classes} classes had no training clips ({listed(names)}). They count in"
        f" all metrics, with {untrained['clips']} clips here"
    )
    if untrained["mAP_of_others"] is None:
        return f"{note}."
    return f"{note}; mAP without them: {number(METRICS['mAP'], untrained['mAP_of_others'])} %."


def unwritable_note(unwritable: Mapping[str, Any], references: int) -> str:
    """Return how many references cannot be recognised without errors.

    Args:
        unwritable: how many contain text that is in no unit, and which (in characters or words)
        references: how many there are
    """
    return (
        f"{unwritable['references']} of {references} references contain {unwritable['what']} that"
        f" the model cannot write: {listed(unwritable['text'])}"
    )
