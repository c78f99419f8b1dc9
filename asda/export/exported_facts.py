"""What an exported file says about its model: labels, settings, and the times of its outputs."""

from __future__ import annotations

import json
from typing import Any

from asda import __version__
from asda.checkpoint.saved_model import SavedModel
from asda.export.exported_model import ExportedModel, fbank_config


def facts(model: ExportedModel, saved: SavedModel) -> dict[str, str]:
    """Return name -> value, of which labels and settings are JSON (docs/export.md#metadata)."""
    found: dict[str, Any] = {
        "asda": __version__,
        "kind": saved.kind,
        "output": saved.output,
        "inputs": model.inputs,
        "outputs": model.outputs,
        "shortest_input": str(model.least),
        "longest_input": str(model.longest),
        "labels": saved.labels,
        "normalization": saved.normalization,
        "padding": "mask" if model.fill_to is None else "fill",
    }
    if saved.fbank:
        config, patch = fbank_config(saved), saved.config.patch
        covered = (patch.time - 1) * config.frame_shift + config.frame_length
        found |= {
            "fbank": saved.fbank,
            "sample_rate": str(config.sample_rate),
            "frames_shift": str(patch.time_stride * config.frame_shift / config.sample_rate),
            "frames_first_centre": str((config.first_sample + covered / 2) / config.sample_rate),
        }
    return {
        name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for name, value in found.items()
    }
