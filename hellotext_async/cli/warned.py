"""Warnings of the library, in words for a shell."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from .._events.known_keys import UnknownParameterWarning

__all__ = ["warnings_in_words"]

UNKNOWN_KEYS = "some parameters have keys that the API's document does not have; they are sent all the same"


@contextmanager
def warnings_in_words() -> Generator[None]:
    """Say once that a parameter has an unknown key, without its name: it may be a customer's data."""
    with warnings.catch_warnings():
        show, warned = warnings.showwarning, False

        def show_in_words(message: Any, category: type[Warning], *place: Any, **more: Any) -> None:
            nonlocal warned
            if not issubclass(category, UnknownParameterWarning):
                show(message, category, *place, **more)
            elif not warned:
                warned = True
                print(f"hellotext-async: {UNKNOWN_KEYS}", file=sys.stderr)

        warnings.simplefilter("once", UnknownParameterWarning)
        warnings.showwarning = show_in_words
        yield
