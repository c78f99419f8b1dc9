"""Options of `asda transcribe` (no torch import)."""

from __future__ import annotations

from dataclasses import dataclass

from asda.apply.apply_options import ApplyOptions, format_name
from asda.decoding.decoding_config import DecodingConfig

BY_SUFFIX = {".jsonl": "jsonl", ".srt": "srt", ".vtt": "vtt", ".ctm": "ctm", ".trn": "trn"}


@dataclass(frozen=True)
class TranscribeOptions(ApplyOptions):
    """Options of `asda transcribe`.

    Args:
        format: name of the format; None = that of the suffix of `out` or, without `out`, a table on
            a terminal and JSON Lines elsewhere
        pause: seconds without a word after which a segment ends
        decoding: how the outputs of the model become words
    """

    format: str | None
    pause: float
    decoding: DecodingConfig

    def format_name(self, on_terminal: bool) -> str:
        """Return the format, chosen by the output if it is not given.

        Raises:
            InputError: if the output does not tell it.
        """
        others = "text for Kaldi's text, or srt or vtt for a folder of subtitles"
        return format_name(self.format, self.out, on_terminal, BY_SUFFIX, others)
