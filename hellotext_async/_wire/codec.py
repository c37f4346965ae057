"""Bytes to answers, tolerantly: what the API adds, leaves out or bends never breaks a program.

Rules. Decode typed at full speed; only when that fails decode generically, take out just what
the type cannot hold (a field falls back to its default, a list loses the element) and convert.
The reply as it came stays reachable through ``answer.raw``. An answer never shows its content
in a repr: it is a customer's data.
"""

from __future__ import annotations

import re
from datetime import datetime
from functools import cache
from typing import Any, TypeVar

import msgspec

__all__ = ["Answer", "Undecodable", "decode"]

T = TypeVar("T")

MAX_REPAIRS = 1000

_PLACE = re.compile(r" - at `(?:key in )?\$?([^`]*)`$")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|\[\.\.\.\]")


class Undecodable(Exception):
    """The bytes are not what the type says, beyond repair."""


class Answer(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """What the API answered, as a frozen struct with the API's own names."""

    @property
    def raw(self) -> Any:
        """The JSON of the reply as it came, with the fields this version does not know; None if not from a reply."""
        body = self.__dict__.get("_body")
        return None if body is None else msgspec.json.decode(body)

    def to_dict(self) -> dict[str, Any]:
        """The answer in the form the API documents: its own keys, times as Unix seconds."""
        built: dict[str, Any] = _documented(msgspec.to_builtins(self, builtin_types=(datetime,)))
        return built

    def __repr__(self) -> str:
        found = getattr(self, "id", None)
        return f"{type(self).__name__}({f'id={found!r}' if found else '…'})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("id", getattr(self, "id", "…"))]


def _documented(value: Any) -> Any:
    match value:
        case datetime():
            seconds = value.timestamp()
            return int(seconds) if seconds.is_integer() else seconds
        case dict():
            return {k: _documented(v) for k, v in value.items()}  # pyright: ignore[reportUnknownVariableType]
        case list():
            return [_documented(v) for v in value]  # pyright: ignore[reportUnknownVariableType]
        case _:
            return value


@cache
def _decoder(kind: type[Any]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind, strict=False)


def decode(body: bytes, kind: type[T]) -> T:
    """`body` as `kind`, or Undecodable."""
    try:
        answer: T = _decoder(kind).decode(body)
    except msgspec.ValidationError:
        answer = _repaired(body, kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Undecodable from None
    if isinstance(answer, Answer):
        answer.__dict__["_body"] = body
    return answer


def _repaired(body: bytes, kind: type[T]) -> T:
    try:
        value: Any = msgspec.json.decode(body)
        for _ in range(MAX_REPAIRS):
            try:
                return msgspec.convert(value, kind, strict=False)
            except msgspec.ValidationError as error:
                _take_out(value, str(error))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    raise Undecodable


def _take_out(value: Any, message: str) -> None:
    """Remove from `value` the place that `message` names; Undecodable if that is the whole."""
    steps = _steps(message)
    while steps:
        *inner, last = steps
        holder = value
        for step in inner:
            holder = holder[step]
        try:
            del holder[last]
        except (KeyError, IndexError, TypeError):
            steps = inner
            continue
        return
    raise Undecodable


def _steps(message: str) -> list[str | int]:
    """The path in a msgspec message up to its first unnamed place: ``$.a[3].b`` is ``["a", 3, "b"]``."""
    found = _PLACE.search(message)
    steps: list[str | int] = []
    for match in _STEP.finditer(found[1] if found else ""):
        if match[1] is not None:
            steps.append(match[1])
        elif match[2] is not None:
            steps.append(int(match[2]))
        else:
            break
    return steps
