"""Normalise the input of an encoder by the moments of the data that it is probed on."""

from __future__ import annotations

import dataclasses

from asda.dataset.computed_features import ComputedFeatures
from asda.features.clip_range import ClipRange
from asda.features.normalization import measured_normalization
from asda.files import InputError
from asda.inference.audio_model import AudioModel


def normalized_as(model: AudioModel, folder: str) -> AudioModel:
    """Return a model whose input is normalised as fine-tuning on a data directory would do.

    A model pretrained on several corpora saw each normalised by its own moments, and its file has
    those of one.

    Raises:
        InputError: if the model normalises each clip by itself, or as `measured_normalization`.

    Args:
        model: a model that takes audio
        folder: data directory whose audio is measured
    """
    if isinstance(model.normalization, ClipRange):
        raise InputError(
            f"{model.saved.path}: its features are normalised clip by clip; leave out"
            " --normalization train"
        )
    features = ComputedFeatures(folder, model.fbank.config)
    moments = features.moments(list(features.measured))
    normalization = measured_normalization(moments, features.directory.path)
    saved = dataclasses.replace(model.saved, normalization=vars(normalization))
    return AudioModel(saved, model.network, model.precision).to(model.device)
