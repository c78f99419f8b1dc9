"""What is computed of whole clips, from the windows that a model yields."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from asda.audio.audio_error import AudioError
from asda.audio.wav_scp import AudioSegment
from asda.inference.computations import Computation
from asda.inference.windowed_model import Window, WindowedModel
from asda.terminal_bar import Bar


class ClipWindows(NamedTuple):
    """All windows of a clip.

    Attributes:
        number: of the clip among the sources
        windows: in order; those before the error, if there is one
        error: why the audio of the clip cannot be used
    """

    number: int
    windows: list[Window]
    error: AudioError | None


def by_clip(windows: Iterable[Window]) -> Iterator[ClipWindows]:
    """Yield the windows of each clip, as soon as its last one is there."""
    found: list[Window] = []
    for window in windows:
        if window.error is None:
            found.append(window)
        if window.last:
            yield ClipWindows(window.number, found, window.error)
            found = []


def utterance_outputs(
    model: WindowedModel,
    sources: Mapping[str, AudioSegment],
    compute: Computation,
    batch_size: int | None = None,
    title: str = "",
) -> Iterator[tuple[str, list[Any] | AudioError]]:
    """Yield each utterance with the outputs of its windows, or why its audio cannot be used.

    A bar counts the utterances on a terminal.

    Args:
        model: the model
        sources: utterance -> its audio
        compute: see `WindowedModel.run`
        batch_size: see `WindowedModel.run`
        title: written behind the bar
    """
    names = list(sources)
    run = model.run(sources.values(), compute, batch_size=batch_size)
    with Bar(total=len(names), desc=title) as bar:
        for clip in by_clip(run):
            yield names[clip.number], clip.error or [window.output for window in clip.windows]
            bar.update()
