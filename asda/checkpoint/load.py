"""Read model files of every known format: asda's own, the reference's, and exports."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from asda import __version__
from asda.checkpoint.foreign import asda_export, fairseq, hugging_face
from asda.checkpoint.foreign.safetensors import read_safetensors
from asda.checkpoint.foreign.unpickle import load_foreign
from asda.checkpoint.foreign.wrappers import without_wrappers
from asda.checkpoint.saved_model import FIRST_FORMAT, FORMAT, SavedModel, check_tensors, upgraded
from asda.checkpoint.schema import refusing_damage, restore
from asda.configuration import build, to_dict
from asda.dataset.data_config import DataConfig
from asda.features.fbank_config import FbankConfig
from asda.features.normalization import normalization_of
from asda.files import InputError
from asda.registry.model_cache import local_file


def read_model(path: str | Path) -> SavedModel:
    """Read a model.pt of asda, a checkpoint of ASDA, EAT or SSLAM, or an export to Hugging Face.

    Exports are those of asda and EAT, as a folder or as the model.safetensors in it.

    Nothing in the file is executed, and every tensor is checked by name and shape.

    Args:
        path: a file, or the name of a model that `asda models` lists

    Raises:
        InputError: saying what the file is, if it is damaged, unsafe or another kind of file, or
            why a model that is known by its name cannot be had.
    """
    path = local_file(path)
    where = str(path)
    if (inside := Path(path) / asda_export.TENSORS).is_file():
        where = str(inside)
    with refusing_damage(path):
        saved = _saved(_content(where), where)
        normalization_of(saved.normalization)
    return saved


def _content(path: str) -> Any:
    if not path.endswith(".safetensors"):
        return load_foreign(path)
    return asda_export.read(path) if asda_export.is_export(path) else read_safetensors(path)


def _saved(content: Any, path: str) -> SavedModel:
    if isinstance(content, dict):
        content = _of_training(content, path)
        content = without_wrappers(content)
        if str(content.get("format")).startswith("asda model "):
            return _own(content, path)
    if fairseq.is_reference(content):
        return fairseq.convert(content, path)
    if hugging_face.is_export(content):
        return hugging_face.convert(content, path)
    raise InputError(
        f"{path}: holds {_summary(content)}; expected a model.pt of asda, a checkpoint of ASDA,"
        " EAT or SSLAM ('cfg' and 'model'), or a Hugging Face export of asda or EAT"
    )


def _of_training(content: dict[str, Any], path: str) -> dict[str, Any]:
    """Return the model in a checkpoint or snapshot of a training; all else as it is."""
    about, state = content.get("about"), content.get("state")
    if isinstance(about, dict):
        update = state["update"] if isinstance(state, dict) else about["facts"]["updates"]
        facts = about["facts"] | {"updates": update, "from_updates": [update]}
        return about | {"weights": content["model"], "facts": facts}
    if {"model", "optimizer", "interval"} <= content.keys():
        raise InputError(
            f"{path}: a checkpoint of an earlier version of asda, without a description of its"
            f" model; resume its run ({Path(path).parent / 'run.sh'}) and stop it again"
        )
    return content


def _own(content: dict[str, Any], path: str) -> SavedModel:
    try:
        if content["format"] == FIRST_FORMAT:
            content = upgraded(content)
        elif content["format"] != FORMAT:
            raise InputError(f"{path}: format '{content['format']}', expected '{FORMAT}'")
        # Files that were written before there was recognition have no entry for units.
        saved = restore(SavedModel, {"units": {}} | content | {"path": path}, path)
        build(DataConfig, saved.data, path)
        if saved.fbank:  # settings added after the file was written take their default
            saved.fbank = to_dict(build(FbankConfig, saved.fbank, path))
        if saved.config.depth + saved.config.decoder.layers > len(saved.weights):
            raise InputError(f"{path}: its tensors do not fit the model: fewer than it has layers")
        expected = saved.expected_tensors()
    except InputError as error:
        raise InputError(f"{error} ({_writer(content)})") from None
    check_tensors(expected, saved.weights, path)
    return saved


def _writer(content: dict[str, Any]) -> str:
    facts = content.get("facts")
    commit = facts.get("commit") if isinstance(facts, dict) else None
    which = f"{content.get('asda')}, commit {commit}" if commit else content.get("asda")
    return f"written by asda {which}; this is asda {__version__}"


def _summary(content: Any) -> str:
    if not isinstance(content, dict):
        return f"a {type(content).__name__}"
    names = ", ".join(str(key)[:40] for key in list(content)[:4])
    return f"{len(content)} entries ({names}{', ...' if len(content) > 4 else ''})"
