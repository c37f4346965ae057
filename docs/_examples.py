"""For the reference: examples in docstrings (lines that begin with ``>>>``) become blocks of code."""

from __future__ import annotations

import re
from typing import Any

import griffe

_EXAMPLE = re.compile(r"(?:^(?:>>>|\.\.\.)(?: .*)?\n?)+(?:^(?!>>>|\.\.\.).+\n?)*", re.MULTILINE)


def _as_code(found: re.Match[str]) -> str:
    return f"```pycon\n{found[0].rstrip()}\n```\n"


class Examples(griffe.Extension):
    """Rewrites each docstring as it is read."""

    def on_instance(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """One object has been read."""
        if obj.docstring is not None:
            obj.docstring.value = _EXAMPLE.sub(_as_code, obj.docstring.value)
