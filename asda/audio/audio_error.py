"""The exception that says why the audio of an utterance cannot be used."""

from __future__ import annotations

from asda.files import printable

RATES = (1000, 2_000_000)  # Hz: least and greatest sample rate of audio


class AudioError(ValueError):
    """Audio cannot be used. The message is one line that gives the reason.

    Line ends and what cannot be printed are escaped, since messages hold names of files and clips.
    """

    def __init__(self, message: str):
        super().__init__(printable(message))


def truncated(seconds: float, stated: float) -> AudioError:
    """Return the error of a file that is shorter than its header states; both in seconds."""
    return AudioError(
        f"truncated: {seconds:.2f} s of the {stated:.2f} s that its header states; "
        "copy or download it again"
    )


def check_rate(rate: int) -> None:
    """Raise AudioError unless audio may have the sample rate (Hz).

    At 1 Hz a second of audio would become hours, which may not fit into memory.
    """
    if not RATES[0] <= rate <= RATES[1]:
        raise AudioError(
            f"impossible sample rate: {rate} Hz, but audio has {RATES[0]} to {RATES[1]} Hz"
        )
