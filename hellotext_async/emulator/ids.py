"""Ids and creation times for the objects of the emulated business."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

__all__ = ["Ids"]

_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class Ids:
    """Makes ids that look like the API's; the same sequence in every emulator. `now` gives Unix seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._random = random.Random(20_261_123)

    def identifier(self) -> str:
        """Eight letters and digits."""
        return "".join(self._random.choices(_LETTERS, k=8))

    def fresh(self, type: str, /, **fields: Any) -> dict[str, Any]:
        """A new object with its id and creation time, in no collection yet."""
        return {"id": self.identifier(), "type": type, "created_at": int(self._now()), **fields}
