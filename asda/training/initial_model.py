"""The model of a run that starts from another: what it takes over, and what may be changed."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection

from asda.configuration import differences, is_below, to_dict
from asda.model.model_config import ModelConfig, ResolvedModel

# Settings of the pretraining task; no tensor and no output of the network depends on them.
OBJECTIVE = (
    "model.mask",
    "model.num_masks",
    "model.decoder.mask_noise",
    "model.target_layers",
    "model.target_output",
    "model.target_norm",
    "model.cls_weight",
    "model.cls_reduction",
)


def differing_settings(
    given: ModelConfig, used: ResolvedModel, stated: Collection[str] | None
) -> dict[str, str]:
    """Return key and "key: given -> used" of each given setting that differs from the used one.

    Args:
        given: settings of the run
        used: those of the model that it starts from
        stated: keys set in files and options of the run; None = all that are not a default
    """
    fitted = given.for_features(used.mel_bins)
    default, first, second = map(to_dict, (ModelConfig(), fitted, used))
    changes = differences(first, second, "model.")
    chosen = differences(default, first, "model.") if stated is None else stated
    open_keys = {key for key in changes if _value(first, key) is None}  # follows from the others
    return {k: text for k, text in changes.items() if is_below(k, chosen) and k not in open_keys}


def with_objective(given: ModelConfig, used: ResolvedModel, keys: Collection[str]) -> ResolvedModel:
    """Return the model that a run starts from, with these settings replaced by the run's.

    Args:
        given: settings of the run
        used: those of the model
        keys: settings of `OBJECTIVE`
    """
    names = {key.split(".")[1] for key in keys} - {"decoder", "mask"}
    changes = {name: getattr(given, name) for name in names}
    masks = [key.split(".")[2] for key in keys if key.startswith("model.mask.")]
    changes["mask"] = dataclasses.replace(used.mask, **{m: getattr(given.mask, m) for m in masks})
    if "model.decoder.mask_noise" in keys:
        noise = given.decoder.mask_noise
        changes["decoder"] = dataclasses.replace(used.decoder, mask_noise=noise)
    return dataclasses.replace(used, **changes)


def _value(values: dict[str, object], key: str) -> object:
    found: object = values
    for name in key.split(".")[1:]:
        found = found[name] if isinstance(found, dict) else None
    return found
