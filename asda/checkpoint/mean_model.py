"""One model from several checkpoints of a run."""

from __future__ import annotations

import dataclasses
from typing import Any

from asda.checkpoint.saved_model import SavedModel
from asda.checkpoint.tensor_files import average_weights
from asda.configuration import differences, to_dict
from asda.files import InputError

PARTS = ("kind", "model", "output", "labels", "head", "normalization", "fbank")
RUN_FACTS = ("seed", "train", "init")


def mean_model(models: list[SavedModel]) -> SavedModel:
    """Return the model whose weights are the means of the weights of models of one run.

    Raises:
        InputError: if the models are not of one run.
    """
    first = models[0]
    for other in models[1:]:
        _check_same_run(first, other)
    stages = [model.facts.get("from_updates") or [model.facts.get("updates")] for model in models]
    updates = sorted({update for stage in stages for update in stage if update is not None})
    facts = first.facts | {"from_updates": updates}
    if len(models) > 1:
        facts |= {"final": "average", "updates": max(updates, default=None)}
    weights = average_weights([model.weights for model in models])
    return dataclasses.replace(first, weights=weights, facts=facts)


def _check_same_run(first: SavedModel, other: SavedModel) -> None:
    changed = differences(_identity(first), _identity(other))
    if changed:
        raise InputError(
            f"{other.path}: does not belong to the same run as {first.path}"
            f" ({'; '.join(changed.values())}); only models of one run can be averaged"
        )


def _identity(model: SavedModel) -> dict[str, Any]:
    """Return what models of one run have in common."""
    parts = {name: getattr(model, name) for name in PARTS}
    # Files of earlier versions lack settings that were added since, which have their defaults.
    parts["model"] = to_dict(model.config)
    return parts | {name: model.facts.get(name) for name in RUN_FACTS}
