"""Apply a model to many inputs: results are kept, and a faulty input does not stop the rest."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol, TypeVar

from asda.apply.audio_progress import AudioBar
from asda.apply.inputs import AudioInput
from asda.audio.audio_error import AudioError
from asda.files import InputError, listed, printable
from asda.inference.windowed_model import Window
from asda.stop_signals import Stopped

Result = TypeVar("Result")
Taken = TypeVar("Taken", contravariant=True)
Follow = Callable[[AudioInput, float, float, bool], None]  # input, start, end, whether it is last
Compute = Callable[[Sequence[AudioInput], Follow], Iterator[tuple[AudioInput, Result | AudioError]]]
MOST_LISTED = 20


def followed(
    windows: Iterable[Window], inputs: Sequence[AudioInput], follow: Follow
) -> Iterator[Window]:
    """Yield windows of inputs, and call `follow` after each of them."""
    for window in windows:
        follow(inputs[window.number], window.start, window.end, window.last)
        yield window


class Output(Protocol[Taken]):
    """Takes the result of each input."""

    def is_done(self, one: AudioInput) -> bool:
        """Return whether an earlier call has finished an input."""

    def add(self, one: AudioInput, result: Taken) -> None:
        """Take the result of an input."""

    def finish(self, inputs: Sequence[AudioInput]) -> str:
        """Complete the output for the inputs of this call, and return what to tell the user."""


def apply_to_all(
    inputs: Sequence[AudioInput], compute: Compute[Result], output: Output[Result]
) -> None:
    """Compute what is not done yet, and complete the output.

    Args:
        inputs: all of this call
        compute: yields the result of each input in their order, or why it cannot be used
        output: takes the results

    Raises:
        InputError: after all other inputs, if some cannot be used.
        Stopped: on Ctrl-C, saying how many are done.
    """
    todo = [one for one in inputs if not output.is_done(one)]
    done = len(inputs) - len(todo)
    if done:
        print(f"{done} of {len(inputs)} files are already done", file=sys.stderr)
    bad: list[AudioInput] = []
    bar = AudioBar(len(todo))
    try:
        for one, result in compute(todo, bar.show):
            if isinstance(result, AudioError):
                bad.append(one)
                bar.write(one.fault(result), file=sys.stderr)
            else:
                output.add(one, result)
                done += 1
    except KeyboardInterrupt:
        raise Stopped(
            signal.SIGINT, f"interrupted; {done} of {len(inputs)} files are done"
        ) from None
    finally:
        bar.close()
    if said := output.finish(inputs):
        print(said)
    if bad:
        names = listed([printable(one.name) for one in bad], MOST_LISTED)
        raise InputError(f"{len(bad)} of {len(inputs)} files could not be used: {names}")
