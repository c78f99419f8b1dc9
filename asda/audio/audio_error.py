"""The one exception by which audio of one utterance is unusable."""

from __future__ import annotations


class AudioError(ValueError):
    """Audio cannot be used. The message is one line that gives the reason."""


def truncated(seconds: float, stated: float) -> AudioError:
    """Return the error of a file that is shorter than its header states; both in seconds."""
    return AudioError(
        f"truncated: {seconds:.2f} s of the {stated:.2f} s that its header states; "
        "copy or download it again"
    )
