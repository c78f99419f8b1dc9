"""Whether a run normalises features clip by clip."""

from __future__ import annotations

from asda.checkpoint.saved_model import SavedModel
from asda.dataset.data_config import DataConfig
from asda.features.clip_range import ClipRange
from asda.features.normalization import normalization_of


def clip_range(config: DataConfig, init: SavedModel | None) -> ClipRange | None:
    """Return the normalisation by clip, or None where that of the corpus is used.

    Args:
        config: settings of the run, which decide unless they leave it open
        init: the model that it starts from, which then decides
    """
    if config.norm == "clip":
        return ClipRange()
    is_open = config.norm is None and config.norm_mean is None
    return _of(init) if init and is_open else None


def normalization_warning(used: ClipRange | None, init: SavedModel) -> str | None:
    """Return a warning if the model that a run starts from has features of another kind."""
    names = {True: "clip by clip", False: "by mean and standard deviation"}
    before, now = _of(init) is not None, used is not None
    if before == now:
        return None
    return (
        f"features are normalised {names[now]}, but {init.path} was trained on features normalised"
        f" {names[before]}; leave out data.norm unless you mean to adapt it"
    )


def _of(saved: SavedModel) -> ClipRange | None:
    normalization = normalization_of(saved.normalization)
    return normalization if isinstance(normalization, ClipRange) else None
