"""Strict encoding of arguments: path segments, bracket parameters, JSON values.

Rules. A value that cannot be encoded exactly is an InvalidParameter that names its place.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import UUID

import msgspec

from ..errors import InvalidParameter
from .shapes import is_collection, is_mapping

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["bracketed", "encode", "id_segment", "is_id", "name_segment", "plain", "reject_unknown", "shown"]

MAX_DEPTH = 64
"""Nesting of a value; deeper is a mistake or a cycle."""

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NAME = re.compile(r"[^\W\d][\w -]{0,39}")
_NUMBER = re.compile(r"\d{6}")
_INT_MIN, _INT_MAX = -(2**63), 2**64 - 1
_encoder = msgspec.json.Encoder(decimal_format="number")


def is_id(value: str) -> bool:
    """Whether `value` has the form of an id (letters, digits, ``_``, ``-``; at most 64)."""
    return (value.isalnum() and value.isascii() and len(value) <= 64) or _ID.fullmatch(value) is not None


def id_segment(value: str, name: str = "id") -> str:
    """`value` if it has the form of an id (letters, digits, ``_``, ``-``; at most 64)."""
    if isinstance(value, str) and is_id(value):  # pyright: ignore[reportUnnecessaryIsInstance]
        return value
    raise InvalidParameter(name, "expected an id: 1 to 64 letters, digits, '_' or '-'")


def name_segment(value: str, name: str = "id_or_name") -> str:
    """`value` as one quoted path segment, where the API takes a name as well as an id."""
    if not isinstance(value, str) or value in ("", ".", "..") or any(_is_control(c) for c in value):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidParameter(name, "expected a name: not empty, not '.' or '..', no control characters")
    try:
        return quote(value, safe="")
    except UnicodeEncodeError:
        raise InvalidParameter(name, "expected text that UTF-8 can carry") from None


def _is_control(char: str) -> bool:
    return char < " " or "\x7f" <= char < "\xa0" or char in "\u2028\u2029"


def reject_unknown(given: Iterable[str], allowed: frozenset[str], of: str) -> None:
    """Raise InvalidParameter for a key that is not in `allowed`; `of` names what was called."""
    for key in given:
        if key not in allowed:
            raise InvalidParameter(key, f"{of} has no such parameter")


def bracketed(name: str, value: object, *, inner: str | None = None) -> dict[str, Any]:
    """`value` as flat bracket keys: a single value under ``name``, each entry of a mapping under ``name[key]``.

    The key None of a mapping stands for the default value and has no brackets. A value of None
    removes: it is sent as the empty string. `inner` is the base of the keys if it differs from `name`.
    """
    base = inner or name
    if not is_mapping(value):
        return {base: _removable(value, name)}
    return {_bracket_key(base, key, name): _removable(entry, f"{name}[{shown(key)}]") for key, entry in value.items()}


def _bracket_key(base: str, key: object, name: str) -> str:
    if key is None:
        return base
    if not isinstance(key, str) or not key or any(c in "[]" or _is_control(c) for c in key):
        raise InvalidParameter(name, "expected keys that are a name or an id, without brackets or control characters")
    return f"{base}[{key}]"


def _removable(value: object, name: str) -> Any:
    return "" if value is None else plain(value, name)


def plain(value: Any, name: str, depth: int = 0) -> Any:
    """A snapshot of `value` in what JSON can carry exactly, or InvalidParameter naming the place.

    Values of subclasses (enums, numpy's and pandas' scalars) become the plain values that they equal.
    """
    if value is None or type(value) in (str, bool):
        return value
    if isinstance(value, Enum):
        return plain(value.value, name, depth)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, (Real, Decimal)):
        return _number(value, name)
    if isinstance(value, datetime):
        return _moment(value, name)
    if isinstance(value, date):
        return date(value.year, value.month, value.day)
    if isinstance(value, UUID):
        return value
    return _nested(value, name, depth + 1)


def _number(value: Any, name: str) -> int | float | Decimal:
    try:
        if isinstance(value, Integral):
            return _whole(int(value), name)
        if isinstance(value, Decimal):
            if value.is_finite():
                return value
        elif math.isfinite(number := float(value)) and number == value:
            return number
    except InvalidParameter:
        raise
    except (ValueError, TypeError, ArithmeticError):
        pass
    raise InvalidParameter(name, "expected a finite number")


def _whole(value: int, name: str) -> int:
    if _INT_MIN <= value <= _INT_MAX:
        return value
    raise InvalidParameter(name, "the number is too large")


def _moment(value: datetime, name: str) -> datetime:
    if value.tzinfo is None:
        raise InvalidParameter(name, "expected a datetime with a time zone")
    if type(value) is datetime:
        return value
    try:
        return datetime.fromtimestamp(value.timestamp(), UTC)
    except (ValueError, TypeError, ArithmeticError, OSError):
        raise InvalidParameter(name, "expected a moment in time") from None


def _nested(value: Any, name: str, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise InvalidParameter(name, "nested too deeply")
    if isinstance(value, msgspec.Struct):
        return {k: plain(v, f"{name}.{k}", depth) for k, v in _fields(value)}
    if is_mapping(value):
        return {_key(k, name): plain(v, f"{name}.{shown(k)}", depth) for k, v in value.items()}
    if is_collection(value):
        return [plain(v, f"{name}[{i}]", depth) for i, v in enumerate(value)]
    raise InvalidParameter(name, f"a value of type {type(value).__name__} cannot be sent")


def _fields(struct: msgspec.Struct) -> list[tuple[str, Any]]:
    pairs = zip(struct.__struct_encode_fields__, struct.__struct_fields__, strict=True)
    found = [(wire, getattr(struct, attribute)) for wire, attribute in pairs]
    return [(wire, value) for wire, value in found if value is not None and value is not msgspec.UNSET]


def shown(key: object) -> str:
    """A key as an error may show it: itself if it is a plain name, else `…`, as it may be a phone or an e-mail."""
    return key if isinstance(key, str) and _NAME.fullmatch(key) and not _NUMBER.search(key) else "…"


def _key(key: object, name: str) -> str:
    if isinstance(key, str):
        return key if type(key) is str else str.__str__(key)
    raise InvalidParameter(name, "expected text as keys")


def encode(body: Mapping[str, object]) -> bytes:
    """The JSON of a body of plain values."""
    try:
        return _encoder.encode(body)
    except (UnicodeEncodeError, ValueError, TypeError, OverflowError, RecursionError):
        raise InvalidParameter(_culprit(body), "cannot be written as JSON") from None


def _culprit(body: Mapping[str, object]) -> str:
    for key, value in body.items():
        try:
            _encoder.encode({key: value})
        except Exception:
            return key
    return "body"
