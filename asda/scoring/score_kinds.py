"""The kinds of scores that a score folder can hold."""

from __future__ import annotations

from pathlib import Path

from asda.files import InputError
from asda.scoring.predictions import ScoredClips
from asda.scoring.recognition_scores import RecognitionScores
from asda.scoring.scored_set import ScoredSet, stored_kind
from asda.scoring.utterance_ratios import UtteranceRatios

KINDS: dict[str, type[ScoredSet]] = {
    ScoredClips.kind: ScoredClips,
    UtteranceRatios.kind: UtteranceRatios,
    RecognitionScores.kind: RecognitionScores,
}


def read_scores(folder: str | Path) -> ScoredSet:
    """Read scores.npz of a score folder, whatever its kind.

    Raises:
        InputError: if the file is missing, damaged or of an unknown kind.
    """
    kind = stored_kind(folder)
    if kind not in KINDS:
        known = ", ".join(KINDS)
        raise InputError(
            f"{folder}/scores.npz: scores of the kind {kind}, which this version of asda does not"
            f" know ({known}); read it with the version that wrote it"
        )
    return KINDS[kind].load(folder)
