"""Audio taggers for sherpa-onnx: a graph in the place of its Zipformer models, and the labels.

sherpa-onnx computes the features and reads no metadata of the graph.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from asda.checkpoint.saved_model import SavedModel
from asda.configuration import to_dict
from asda.export.comparison import Case, Outputs, cases, confirm
from asda.export.export_options import ExportOptions
from asda.export.exported_facts import facts
from asda.export.exported_model import ExportedModel
from asda.export.onnx_file import ONNX, runner, save
from asda.extras import require
from asda.features.fbank_config import FbankConfig, differing_features
from asda.files import InputError, write_lines
from asda.inference.audio_model import AudioModel
from asda.inference.tags import probabilities
from asda.staging import check_folder_name, staged

# What sherpa-onnx computes for audio tagging; its upper edge is given as -400, below 8000 Hz.
FEATURES = FbankConfig(num_mel_bins=80, window="povey", high_freq=7600, snip_edges=False)
SCORES = "probabilities"


class Tagger(nn.Module):
    """Log-mel features to probabilities.

    Args:
        exported: takes log-mel features
        output: meaning of its logits
    """

    def __init__(self, exported: ExportedModel, output: str):
        super().__init__()
        self.exported, self.output = exported, output

    def forward(self, x: Tensor, x_lens: Tensor) -> Tensor:
        """Return (batch, classes) of features (batch, frames, 80) with valid frames (batch,)."""
        return probabilities(self.exported(x, x_lens)[0], self.output)


def write(saved: SavedModel, out: Path, options: ExportOptions) -> None:
    """Write a folder with model.onnx and labels.csv.

    Raises:
        InputError: if the model has no labels, takes other features, a package is missing, or
            `out` is a file.
    """
    check_folder_name(out)
    if saved.recognises_speech:
        raise InputError(
            f"{saved.path}: a recogniser; the format sherpa-onnx is for classifiers, export this"
            " model with --format onnx, torch-export or aotinductor"
        )
    require("onnx", ONNX)
    model = AudioModel(saved, saved.build())
    model.require_labels()
    _check_features(model)
    rows = [_label_row(index, label) for index, label in enumerate(model.labels)]
    exported = ExportedModel(model, "features")
    vary = {0: "batch", 1: "frames"}
    with staged(out) as folder:
        folder.mkdir()
        write_lines(folder / "labels.csv", ["index,mid,display_name", *rows])
        save(
            Tagger(exported, saved.output).eval(),
            exported.example(),
            folder / "model.onnx",
            inputs={"x": vary, "x_lens": {0: "batch"}},
            outputs=[SCORES],
            metadata=facts(exported, model),
            precision=options.precision,
        )
        compared = [_with_scores(case, saved.output) for case in cases(exported, model)]
        confirm(out, runner(folder / "model.onnx"), compared, options.precision)


def _check_features(model: AudioModel) -> None:
    values = [
        {k: v for k, v in to_dict(config).items() if k not in ("resampler", "remove_mean")}
        for config in (model.fbank.config, FEATURES)
    ]
    if found := differing_features(*values):
        raise InputError(
            f"{model.saved.path}: sherpa-onnx computes other features than those of this model"
            f" ({'; '.join(found)}); train it on egs/presets/fbank_sherpa.yaml"
        )


def _label_row(index: int, label: str) -> str:
    """Return a line of labels.csv, whose reader takes all that is between two quotes."""
    if '"' in label or "\n" in label:
        raise InputError(f"the label {label!r} has a quote or line break; rename it in labels.txt")
    return f'{index},{index},"{label}"'


def _with_scores(case: Case, output: str) -> Case:
    expected: list[Outputs] = [
        {SCORES: np.asarray(probabilities(torch.from_numpy(outputs["logits"]), output))}
        for outputs in case.expected
    ]
    return case._replace(expected=expected)
