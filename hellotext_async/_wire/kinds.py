"""Decoders and conversions by type, safe in threads.

Rules. msgspec reads a type at its first use and keeps what it has read; two threads that do this at
once for the same struct can crash the interpreter. So the first use of a type is under a lock.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from .. import _process

__all__ = ["convert", "decoder"]

T = TypeVar("T")

_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}


def decoder(kind: type[T]) -> msgspec.json.Decoder[T]:
    """The lenient decoder of `kind`, made once."""
    found = _decoders.get(kind)
    if found is None:
        with _process.first_use:
            found = _decoders[kind] = msgspec.json.Decoder(kind, strict=False)
    return found


def convert(value: Any, kind: type[T], *, strict: bool = True) -> T:
    """`msgspec.convert`, for a type that other threads may use for the first time now."""
    decoder(kind)
    return msgspec.convert(value, kind, strict=strict)
