"""The kinds of decoder, by name."""

from __future__ import annotations

from asda.model.decoder import Decoder
from asda.model.model_config import ResolvedModel
from asda.model.vit_decoder import VitDecoder


def make_decoder(config: ResolvedModel) -> Decoder | VitDecoder:
    """Return the decoder of a pretraining."""
    return VitDecoder(config) if config.decoder.kind == "vit" else Decoder(config)
