"""Scoring a model that recognises speech on a data directory."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from asda.checkpoint.saved_model import SavedModel
from asda.configuration import to_dict
from asda.corpus.datadir import DataDir
from asda.dataset.clips import Clips
from asda.decoding.decoders import make_decoder
from asda.decoding.decoding_config import DecodingConfig
from asda.distributed import Process
from asda.model.ctc_head import CtcHead
from asda.scoring.recognise import recognise
from asda.scoring.recognition_scores import ERROR_RATES, UNKNOWN, RecognitionScores
from asda.scoring.result_notes import unwritable_note
from asda.scoring.score_facts import window_counts
from asda.text.transcripts import read_transcripts, require_transcripts
from asda.text.unit_model import UnitModel

log = logging.getLogger(__name__)


class Recogniser:
    """A trained CTC head with its units and a decoder.

    Args:
        saved: the model file
        model: built from it
        decoding: how its outputs become units

    Raises:
        InputError: if the file holds no units, or the n-gram cannot be read.
    """

    def __init__(self, saved: SavedModel, model: CtcHead, decoding: DecodingConfig):
        self.saved, self.model, self.decoding = saved, model, decoding
        self.units = UnitModel.of_content(saved.units, saved.path)
        self.decode = make_decoder(decoding, self.units)

    def scored(
        self, clips: Clips, references: Sequence[str], process: Process
    ) -> RecognitionScores:
        """Return references and hypotheses of all clips; each process gets all.

        Args:
            clips: the clips
            references: of them, see `references`
            process: this process
        """
        found = recognise(self.model, clips, process, self.decode)
        names = clips.utterances
        return RecognitionScores(
            names,
            references,
            [self.units.decode(found[utterance].units) for utterance in names],
            _column(clips.directory, "utt2spk", names),
            _column(clips.directory, "utt2lang", names),
        )

    def references(self, clips: Clips) -> list[str]:
        """Return the normalised transcripts, and log how many are empty.

        Raises:
            InputError: if a clip has no line in `text`.
        """
        texts = read_transcripts(clips.directory)
        require_transcripts(clips.directory, texts, clips.utterances, "utterances")
        references = [self.units.rules(texts[name]) for name in clips.utterances]
        empty = [n for n, text in zip(clips.utterances, references, strict=True) if not text]
        if empty:
            log.warning(
                "%s: %d of %d transcripts are empty (first: %s); words that are recognised there"
                " count as insertions",
                clips.directory.path / "text",
                len(empty),
                len(clips),
                empty[0],
            )
        return references

    def unwritable(self, clips: Clips, references: Sequence[str]) -> dict[str, Any]:
        """Return the entry about references with text that is in no unit, and log it.

        Without any, there is no entry.
        """
        parts = [self.units.unknown(text) for text in references]
        if not any(parts):
            return {}
        found = {
            "references": sum(map(bool, parts)),
            "what": "words" if self.units.are_words else "characters",
            "text": sorted(set().union(*parts)),
        }
        log.warning("%s: %s", clips.directory.path / "text", unwritable_note(found, len(clips)))
        return {"unwritable": found}

    def facts(self) -> dict[str, Any]:
        """Return how texts were made, as entries of the provenance."""
        settings = to_dict(self.decoding)
        if self.decoding.method == "greedy":
            settings = {"method": "greedy"}
        return {
            "units": self.units.describe(),
            "text rules": to_dict(self.units.rules),
            "decoding": {name: value for name, value in settings.items() if value is not None},
        }

    def windows(self, clips: Clips) -> dict[str, Any]:
        """Return how many clips are longer than the input of the model."""
        return window_counts(clips, self.saved) | {"scored": "joined"}

    def selection_metric(self) -> str | None:
        """Return the error rate by which the model was chosen, if it was one."""
        metric = self.saved.facts.get("metric")
        return metric if metric in ERROR_RATES else None


def _column(directory: DataDir, name: str, utterances: Sequence[str]) -> list[str]:
    """Return the value of each utterance in a table, UNKNOWN where there is none."""
    table = directory.table(name) if directory.has(name) else {}
    return [table.get(utterance, UNKNOWN) for utterance in utterances]
