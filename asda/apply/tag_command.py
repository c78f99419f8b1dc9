"""What `asda tag` does with its options."""

from __future__ import annotations

import functools
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from asda.apply.apply_options import PER_INPUT, TagOptions
from asda.apply.applying import Output, apply_to_all
from asda.apply.inputs import AudioInput, find_inputs, fingerprints_of
from asda.apply.label_formats import LabelFormat, Row, table_format, text_formats
from asda.apply.label_output import (
    RECORD,
    LabelFile,
    LabelFolder,
    PrintedLabels,
    check_label_names,
)
from asda.apply.label_rows import Tagger, Windows
from asda.apply.label_thresholds import read_thresholds
from asda.apply.record import recorded
from asda.apply.tagging import tag
from asda.digests import file_digest
from asda.distributed import start_process
from asda.files import InputError, refuse_overwriting
from asda.inference.loading import load


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
        with _output(options, _format(form, inputs, taggers, options), inputs, taggers) as output:
            compute = functools.partial(
                tag, taggers=taggers, windows=windows, batch_size=options.batch_size
            )
            apply_to_all(inputs, compute, output)


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
) -> LabelFormat:
    if name == "table":
        names = {tagger.digest: tagger.name for tagger in taggers}
        return table_format([one.name for one in inputs], options.window is not None, names)
    form = text_formats(taggers[0].model.sample_rate / 2)[name]
    if not options.out and name in PER_INPUT and len(inputs) > 1:
        raise InputError(f"--format {name} writes a file for each input; add --out FOLDER")
    return form


@contextmanager
def _output(
    options: TagOptions,
    form: LabelFormat,
    inputs: Sequence[AudioInput],
    taggers: Sequence[Tagger],
) -> Iterator[Output[list[Row]]]:
    if not options.out:
        yield PrintedLabels(form)
        return
    out, is_folder = Path(options.out), _is_folder(options.out, form, inputs)
    if is_folder:
        check_label_names(inputs, out)
    elif out.is_dir():
        raise InputError(f"{out}: a folder; give the name of a file in it")
    else:
        refuse_overwriting(out, [*(t.name for t in taggers), *(one.file for one in inputs)])
    record = out / f"{RECORD}{form.suffix}" if is_folder else f"{out}.done"
    with recorded(record, _settings(options, taggers), fingerprints_of(inputs)) as opened:
        yield LabelFolder(out, form, opened) if is_folder else LabelFile(out, form, opened)


def _is_folder(out: str, form: LabelFormat, inputs: Sequence[AudioInput]) -> bool:
    """Return whether an output is a folder of label files; one input may have a file."""
    named_file = Path(out).suffix == Path(form.suffix).suffix and not os.path.isdir(out)
    return bool(form.suffix) and not (named_file and len(inputs) == 1)


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
