"""Idempotency keys: a request that comes again under its key is answered as the first time, and not applied again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .refusal import refuse

__all__ = ["KeyedAnswers"]

Answer = tuple[int, Any]


class KeyedAnswers:
    """The answers to requests that had an ``Idempotency-Key``, by method, path and key."""

    def __init__(self) -> None:
        self._first: dict[tuple[str, str, str], tuple[bytes, Answer]] = {}

    def answer(self, method: str, path: str, key: str, body: bytes, make: Callable[[], Answer]) -> Answer:
        """The first answer under this key, made now if there is none; 422 if it was another body's.

        A refusal is not kept: a corrected request may be sent under the same key.
        """
        found = self._first.get((method, path, key))
        if found is None:
            found = self._first[method, path, key] = body, make()
        elif found[0] != body:
            raise refuse("invalid", "Idempotency-Key")
        return found[1]
