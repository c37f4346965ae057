"""What an error may carry: one problem of an answer, what was asked when its outcome is unknown, a count."""

from __future__ import annotations

import re
from typing import Any

import msgspec

__all__ = ["Asked", "ErrorDetail", "counted", "shown_name"]

_PLAIN = re.compile(r"[A-Za-z0-9_.\[\]\- ]{1,64}")


def shown_name(text: str) -> str:
    """`text` if it is a plain name, else a placeholder: server text may repeat a customer's data."""
    return text if _PLAIN.fullmatch(text) else "…"


def counted(number: int, noun: str) -> str:
    """A number of things, for a reader: "1 attempt", "2 attempts"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


class Asked(msgspec.Struct, frozen=True):
    """A request whose outcome is unknown: its method, path and JSON, and when it was first sent (Unix seconds)."""

    method: str
    path: str
    body: bytes | None
    since: float

    def __repr__(self) -> str:
        """Without the body: it is a customer's data."""
        return f"Asked({self.method} {self.path})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("method", self.method), ("path", self.path)]


class ErrorDetail(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the API's ``errors``.

    `type` is the vendor's word (``parameter_missing``, ``parameter_not_unique``, …), `parameter`
    the field it is about, `message` the server's text (its ``message`` or ``description``).
    """

    type: str = ""
    message: str = ""
    parameter: str | None = None

    def __repr__(self) -> str:
        return f"ErrorDetail({self})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("", str(self))]

    def __str__(self) -> str:
        where = f" ({shown_name(self.parameter)})" if self.parameter else ""
        return f"{shown_name(self.type) if self.type else 'error'}{where}"
