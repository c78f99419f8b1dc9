"""Types of numbers on command lines that argparse parses."""

from __future__ import annotations

import argparse


def positive(text: str) -> int:
    """Parse a whole number from 1 on."""
    return _at_least(1, text)


def not_negative(text: str) -> int:
    """Parse a whole number from 0 on."""
    return _at_least(0, text)


def _at_least(smallest: int, text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a whole number, not '{text}'") from None
    if number < smallest:
        raise argparse.ArgumentTypeError(f"must be at least {smallest}, not {number}")
    return number
