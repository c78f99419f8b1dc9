"""Entry points of torch.hub, for example torch.hub.load("OWNER/asda", "asda_model", "eat-base").

The copy that torch.hub downloads is not installed, so that the packages of `dependencies` must be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asda.inference.audio_model import AudioModel
    from asda.model.encoder import Encoder

dependencies = ["torch", "torchaudio", "numpy", "yaml", "soundfile", "soxr", "jsonargparse"]


def asda_model(model: str, **options: object) -> AudioModel:
    """Return a trained model that embeds and tags audio; see `asda.load`.

    Args:
        model: a model.pt of asda, a checkpoint of ASDA, EAT or SSLAM, or a name that
            `asda models` lists, which is fetched
        options: of `asda.load`
    """
    import asda

    return asda.load(model, **options)


def asda_encoder(size: str = "base", **settings: object) -> Encoder:
    """Return an encoder with random weights, to be trained.

    It takes log-mel features (batch, frames, mel bins) float32 and returns an output whose
    `tokens` are (batch, 1 + patches, width), the CLS token first.

    Args:
        size: "tiny", "small", "base" or "large"
        settings: of the model, as docs/settings.md lists them, for example depth=6
    """
    from asda.configuration import build
    from asda.model.encoder import Encoder
    from asda.model.model_config import ModelConfig

    return Encoder(build(ModelConfig, {"size": size, **settings}, "asda_encoder").resolved())
