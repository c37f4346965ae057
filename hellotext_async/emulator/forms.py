"""What a request's body says: JSON with flat bracket keys or nested objects, or a form with brackets."""

# What comes in is JSON of any shape.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import msgspec

from .refusal import Refusal, refuse

__all__ = ["body_of", "bracketed", "query_of"]


def body_of(raw: bytes, content_type: str) -> dict[str, Any]:
    """The parameters in a body; 400 if it cannot be read."""
    if not raw:
        return {}
    if "json" in content_type or raw[:1] in (b"{", b"["):
        return _json(raw)
    try:
        pairs = parse_qsl(raw.decode(), keep_blank_values=True, strict_parsing=False)
    except (UnicodeDecodeError, ValueError):
        raise _malformed() from None
    return _form(pairs)


def _json(raw: bytes) -> dict[str, Any]:
    try:
        body = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _malformed() from None
    if not isinstance(body, dict):
        raise _malformed()
    return {str(key): value for key, value in body.items()}


def _malformed() -> Refusal:
    return refuse("invalid", "body", status=400)


def _form(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """``a[]=1`` collects a list; other brackets stay flat keys, as JSON has them too."""
    body: dict[str, Any] = {}
    for key, value in pairs:
        if key.endswith("[]"):
            values = body.setdefault(key[:-2], [])
            if isinstance(values, list) and value:
                values.append(value)
        else:
            body[key] = value
    return body


def query_of(query: str) -> dict[str, Any]:
    """The parameters in a query."""
    return _form(parse_qsl(query, keep_blank_values=True))


def bracketed(body: dict[str, Any], name: str) -> dict[str | None, Any]:
    """Every value given for `name`: ``name`` itself under None, ``name[key]`` (or nested) under key."""
    found: dict[str | None, Any] = {}
    for key, value in body.items():
        if key == name:
            found[None] = value
        elif key.startswith(f"{name}[") and key.endswith("]"):
            found[key[len(name) + 1 : -1]] = value
    return found
