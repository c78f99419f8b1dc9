"""Folders that Hugging Face transformers loads a model of asda from, without asda."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from asda import __version__
from asda.checkpoint.foreign.asda_export import (
    CONFIG,
    MODEL_TYPE,
    PROBLEM_TYPES,
    SECTIONS,
    TENSORS,
)
from asda.checkpoint.foreign.safetensors import write_safetensors
from asda.checkpoint.saved_model import NO_HEAD, SavedModel
from asda.configuration import build
from asda.dataset.data_config import DataConfig
from asda.export.bundled_source import bundled_source
from asda.export.export_options import ExportOptions
from asda.export.hugging_face_card import model_card
from asda.export.hugging_face_check import check_folder
from asda.export.transformers_keys import transformers_keys
from asda.files import InputError, write_json, write_lines
from asda.inference.windowed_model import fbank_config
from asda.model.classifier import Classifier
from asda.staging import check_folder_name, staged

CODE = "asda.export.hugging_face"
REPLACED = ("ResolvedModel", "fastest_form")  # the exported code has its own
CLASSES = {
    "AutoConfig": "configuration_asda.AsdaConfig",
    "AutoModel": "modeling_asda.AsdaModel",
    "AutoModelForAudioClassification": "modeling_asda.AsdaForAudioClassification",
}
EXTRACTOR = "feature_extraction_asda.AsdaFeatureExtractor"


def write(saved: SavedModel, out: Path, options: ExportOptions) -> None:
    """Write a folder, load it, and keep it if it computes what the model computes.

    Of a pretrained model it holds the encoder in `options.encoder`, without decoder.

    Raises:
        InputError: if the model has a part that the folder cannot hold, `out` is a file or a
            folder with files, or what is computed from it differs.
    """
    check_folder_name(out)
    exported = _exportable(saved, options)
    with staged(out) as folder:
        folder.mkdir()
        _write_files(exported, folder)
        card = model_card(exported, out.name, options.licence)
        write_lines(folder / "README.md", card.splitlines())
        print(check_folder(exported, folder))


def _exportable(saved: SavedModel, options: ExportOptions) -> SavedModel:
    """Return the model, or one encoder of a pretrained model."""
    fbank_config(saved)  # refuses a model whose features are unknown
    if "mean" not in saved.normalization:
        raise InputError(
            f"{saved.path}: cannot be exported: its features are normalised clip by clip, which the"
            " code for transformers does not do; --format onnx and torch-export do"
        )
    if saved.kind != "finetuned":
        weights = saved.encoder_weights(options.encoder)
        facts = saved.facts
        if saved.kind == "pretrained":
            facts = facts | {"encoder": options.encoder}
        weights = {f"encoder.{name}": tensor for name, tensor in weights.items()}
        return replace(saved, kind="encoder", weights=weights, facts=facts, output=NO_HEAD)
    if options.encoder == "teacher":
        saved.encoder_weights("teacher")  # refuses
    if saved.head["name"] != Classifier.name:
        raise InputError(
            f"{saved.path}: cannot be exported with the head '{saved.head['name']}';"
            f" transformers only has a class for '{Classifier.name}'"
        )
    if saved.output == "softmax" and len(saved.labels) == 1:
        raise InputError(
            f"{saved.path}: cannot be exported: transformers refuses a softmax over one class"
        )
    return saved


def _write_files(saved: SavedModel, folder: Path) -> None:
    write_safetensors(saved.weights, folder / TENSORS)
    write_json(folder / CONFIG, _config(saved))
    write_json(folder / "preprocessor_config.json", _preprocessor(saved))
    for name in ("configuration_asda", "modeling_asda", "feature_extraction_asda"):
        text = bundled_source(f"{CODE}.{name}", REPLACED)
        write_lines(folder / f"{name}.py", text.splitlines())


def _config(saved: SavedModel) -> dict[str, Any]:
    """Return config.json: settings of transformers, and in "asda" all that asda needs."""
    sections = {name: getattr(saved, name) for name in SECTIONS} | {"head": saved.head}
    model = CLASSES["AutoModelForAudioClassification" if saved.head else "AutoModel"]
    config = {
        "model_type": MODEL_TYPE,
        "architectures": [model.rpartition(".")[2]],
        "auto_map": CLASSES,
        "dtype": str(next(iter(saved.weights.values())).dtype).removeprefix("torch."),
        **transformers_keys(sections),
    }
    if saved.head:
        config["problem_type"] = PROBLEM_TYPES[saved.output]
        config["id2label"] = dict(enumerate(saved.labels))
        config["label2id"] = {label: index for index, label in enumerate(saved.labels)}
    return config | {"asda": {"version": __version__, **sections}}


def _preprocessor(saved: SavedModel) -> dict[str, Any]:
    """Return preprocessor_config.json."""
    data = build(DataConfig, saved.data, saved.path)
    return {
        "feature_extractor_type": EXTRACTOR.rpartition(".")[2],
        "auto_map": {"AutoFeatureExtractor": EXTRACTOR},
        "sampling_rate": saved.fbank["sample_rate"],
        "feature_size": saved.fbank["num_mel_bins"],
        "padding_value": 0.0,
        "return_attention_mask": True,
        "fbank": saved.fbank,
        "normalization": saved.normalization,
        "data": {"padding": data.padding, "max_frames": data.max_frames},
    }
