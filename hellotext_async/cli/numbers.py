"""Numbers from the command line, checked there so that a wrong one is a usage error."""

from __future__ import annotations

import argparse
import math

__all__ = ["count", "port", "rate"]


def count(text: str) -> int:
    """A whole number from 1."""
    if text.isascii() and text.isdecimal() and int(text) >= 1:
        return int(text)
    raise argparse.ArgumentTypeError("expected a whole number from 1")


def port(text: str) -> int:
    """A port; 0 lets the system choose."""
    if text.isascii() and text.isdecimal() and int(text) <= 65_535:
        return int(text)
    raise argparse.ArgumentTypeError("expected a port from 0 to 65535")


def rate(text: str) -> float:
    """A finite number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if value > 0 and math.isfinite(value):
        return value
    raise argparse.ArgumentTypeError("expected a number above 0")
