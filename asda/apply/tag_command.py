"""What `asda tag` does with its options."""

from __future__ import annotations

import functools
import sys
import tempfile
from collections.abc import Sequence
from typing import Any

from asda.apply.apply_options import TagOptions
from asda.apply.applying import apply_to_all
from asda.apply.inputs import AudioInput, find_inputs
from asda.apply.label_formats import table_format, text_formats
from asda.apply.label_rows import Tagger, Windows
from asda.apply.label_thresholds import read_thresholds
from asda.apply.row_output import require_folder, row_output
from asda.apply.rows import RowFormat
from asda.apply.tagging import tag
from asda.digests import file_digest
from asda.distributed import start_process
from asda.inference.loading import load

RECORD = ".asda_tag"  # of a folder of label files


def tag_files(options: TagOptions) -> None:
    """Label the inputs.

    Raises:
        InputError: on options that do not fit the model or the inputs; at the end, if some inputs
            could not be used.
    """
    form = options.format_name(sys.stdout.isatty())
    with tempfile.TemporaryDirectory(prefix="asda-") as temporary:
        inputs = find_inputs(options.inputs, temporary)
        taggers = _taggers(options)
        windows = Windows(options.window, options.step, options.merged)
        output = row_output(
            options.out,
            _format(form, inputs, taggers, options),
            inputs,
            models=[tagger.name for tagger in taggers],
            settings=_settings(options, taggers),
            record_name=RECORD,
            what="labels",
        )
        with output as opened:
            compute = functools.partial(
                tag, taggers=taggers, windows=windows, batch_size=options.batch_size
            )
            apply_to_all(inputs, compute, opened)


def _taggers(options: TagOptions) -> list[Tagger]:
    paths = [options.model, *options.also]
    device = start_process(options.device, options.threads).device
    models = [load(path, str(device), options.precision) for path in paths]
    for model in models:
        model.require_labels()
    limits: Sequence[Any] = [None] * len(models)
    if options.threshold is not None:
        limits = read_thresholds(options.threshold, [model.labels for model in models])
    return [
        Tagger(model, path, file_digest(model.saved.path), options.most, limit)
        for model, path, limit in zip(models, paths, limits, strict=True)
    ]


def _format(
    name: str, inputs: Sequence[AudioInput], taggers: Sequence[Tagger], options: TagOptions
) -> RowFormat:
    if name == "table":
        names = {tagger.digest: tagger.name for tagger in taggers}
        return table_format([one.name for one in inputs], options.window is not None, names)
    form = text_formats(taggers[0].model.sample_rate / 2)[name]
    require_folder(options.out, name, form, len(inputs))
    return form


def _settings(options: TagOptions, taggers: Sequence[Tagger]) -> dict[str, Any]:
    """Return all that the rows depend on besides the audio."""
    return {
        "models": [tagger.digest for tagger in taggers],
        "thresholds": [
            None if tagger.thresholds is None else tagger.thresholds.tolist() for tagger in taggers
        ],
        "windows": [options.window, options.step],
        "top": options.most,
        "precision": options.precision,
    }
