"""What an exported file says about its model: labels, settings, and the times of its outputs."""

from __future__ import annotations

import json
from typing import Any

from asda import __version__
from asda.export.exported_model import ExportedModel
from asda.inference.audio_model import AudioModel


def facts(exported: ExportedModel, model: AudioModel) -> dict[str, str]:
    """Return name -> value; lists and settings are JSON (docs/export.md#metadata)."""
    saved = model.saved
    found: dict[str, Any] = {
        "asda": __version__,
        "kind": saved.kind,
        "output": saved.output,
        "outputs": exported.outputs,
        "labels": saved.labels,
        "normalization": saved.normalization,
        "padding": model.data.padding,
        "shortest_input": exported.shortest,
        "longest_input": exported.longest,
    }
    if saved.fbank:
        first, second = model.frame_times(2).tolist()
        found |= {
            "fbank": saved.fbank,
            "sample_rate": model.sample_rate,
            "first_frame_centre": round(first, 6),
            "frame_hop": round(second - first, 6),
        }
    return {
        name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for name, value in found.items()
    }
