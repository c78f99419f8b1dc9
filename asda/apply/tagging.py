"""Labels of clips, windows and segments, by one model or several."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from asda.apply.applying import Follow
from asda.apply.inputs import AudioInput
from asda.apply.label_rows import Tagger, Windows, collector_for
from asda.apply.rows import Row
from asda.audio.audio_error import AudioError
from asda.inference.computations import class_outputs
from asda.inference.loading import sharing_encoders


def tag(
    inputs: Sequence[AudioInput],
    follow: Follow,
    taggers: Sequence[Tagger],
    windows: Windows,
    batch_size: int | None,
) -> Iterator[tuple[AudioInput, list[Row] | AudioError]]:
    """Yield the rows of each input, or the reason why it cannot be used, in their order.

    Models with equal encoders share one pass of it.

    Args:
        inputs: clips or recordings
        follow: called with (input, start, end, whether it is the last) after each window
        taggers: one for each model
        windows: how they are divided
        batch_size: windows per batch; None = chosen for the device
    """
    by_model = {id(tagger.model): tagger for tagger in taggers}
    groups = [
        [by_model[id(model)] for model in group]
        for group in sharing_encoders([tagger.model for tagger in taggers])
    ]
    runs = [
        _tag_at_once(inputs, group, windows, batch_size, follow if group is groups[0] else None)
        for group in groups
    ]
    for one, results in zip(inputs, zip(*runs, strict=True), strict=True):
        errors = [result for result in results if isinstance(result, AudioError)]
        yield one, errors[0] if errors else [row for result in results for row in result]


def _tag_at_once(
    inputs: Sequence[AudioInput],
    taggers: Sequence[Tagger],
    windows: Windows,
    batch_size: int | None,
    follow: Follow | None,
) -> Iterator[list[Row] | AudioError]:
    """Yield the rows of each input by models that have the same encoder."""
    compute = class_outputs([tagger.model.network for tagger in taggers])
    sizes = [len(tagger.model.labels) for tagger in taggers]
    run = taggers[0].model.run(
        [one.audio for one in inputs], compute, windows.length, windows.hop, batch_size
    )
    collect = [collector_for(tagger, windows) for tagger in taggers]
    rows: list[Row] = []
    for window in run:
        one = inputs[window.number]
        if window.error is None:
            for collector, outputs in zip(collect, window.output.split(sizes), strict=True):
                rows += collector.add(window, outputs)
            if window.last:
                rows += [row for collector in collect for row in collector.finish()]
        if follow is not None:
            follow(one, window.start, window.end, window.last)
        if window.last:
            yield window.error or [{**one.named(), **row} for row in rows]
            collect, rows = [collector_for(tagger, windows) for tagger in taggers], []
