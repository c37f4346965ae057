"""What a request's body says: JSON with flat bracket keys or nested objects, or a form with brackets.

A parameter's brackets stay in its key (``email[work]``) until they are asked for with
`bracketed` or `nested`, since ``email`` and ``email[work]`` may stand side by side.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeGuard
from urllib.parse import parse_qsl

import msgspec

from .refusal import Refusal, refuse

__all__ = ["body_of", "bracketed", "is_array", "is_object", "nested", "query_of"]

Object = dict[str, Any]
DEEPEST = 64


def is_object(value: object) -> TypeGuard[Object]:
    """Whether it is an object of JSON."""
    return isinstance(value, dict)


def is_array(value: object) -> TypeGuard[list[Any]]:
    """Whether it is an array of JSON."""
    return isinstance(value, list)


def body_of(raw: bytes, content_type: str) -> Object:
    """The parameters in a body; 400 if it cannot be read."""
    if not raw:
        return {}
    if "json" in content_type or raw[:1] in (b"{", b"["):
        return _json(raw)
    try:
        return _form(raw.decode())
    except UnicodeDecodeError:
        raise _malformed() from None


def query_of(query: str) -> Object:
    """The parameters in a query; 400 if it cannot be read."""
    try:
        return _form(query)
    except UnicodeDecodeError:
        raise _malformed("query") from None


def _json(raw: bytes) -> Object:
    try:
        body = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _malformed() from None
    opened = raw.count(b"{") + raw.count(b"[")
    if not is_object(body) or (opened > DEEPEST and _deeper(body, DEEPEST)):
        raise _malformed()
    return body


def _deeper(value: Any, than: int) -> bool:
    """Whether it is nested deeper; what is kept must be possible to show again."""
    level: list[Any] = [value]
    for _ in range(than):
        level = [inner for item in level for inner in _inside(item)]
    return any(is_object(item) or is_array(item) for item in level)


def _inside(value: Any) -> Iterable[Any]:
    if is_object(value):
        return value.values()
    return value if is_array(value) else ()


def _malformed(parameter: str = "body") -> Refusal:
    return refuse("invalid", parameter, status=400)


def _form(text: str) -> Object:
    """Lists (``a[]=1``, ``a[][b]=1``) are collected, for their keys repeat; other brackets stay in the key."""
    body: Object = {}
    for key, value in parse_qsl(text, keep_blank_values=True, errors="strict"):
        path = _path(key) if "[]" in key else [key]
        if len(path) == 2 and not value:
            body.setdefault(path[0], [])  # ``lists[]=``: none
        else:
            _put(body, path, value)
    return body


def bracketed(body: Object, name: str) -> dict[str | None, Any]:
    """Every value given for `name`: ``name`` itself under None, first; ``name[key]`` under ``key``."""
    inner: Object = {}
    for key, value in body.items():
        if key.startswith(name + "["):
            _put(inner, _path(key)[1:] or [key], value)
    found: dict[str | None, Any] = {None: body[name]} if name in body else {}
    found.update(inner.items())
    return found


def nested(body: Object) -> Object:
    """`body` with its bracket keys as the objects and lists they mean."""
    if not any("[" in key for key in body):
        return body
    out: Object = {}
    for key, value in body.items():
        path = _path(key)
        there = out.get(key)
        if len(path) > 1:
            _put(out, path, value)
        else:
            out[key] = {**value, **there} if is_object(value) and is_object(there) else _copied(value)
    return out


def _copied(value: Any) -> Any:
    """Deep enough that what is put into it does not show in the body it came from."""
    if is_object(value):
        return {key: _copied(inner) for key, inner in value.items()}
    return [_copied(inner) for inner in value] if is_array(value) else value


def _path(key: str) -> list[str]:
    """``a[b][]`` is a, b and "" (a list); a key whose brackets don't match is one name."""
    if not key.endswith("]") or "[" not in key[1:]:
        return [key]
    name, _, rest = key[:-1].partition("[")
    path = [name, *rest.split("][")]
    if len(path) > DEEPEST:
        raise _malformed()
    return path


def _put(into: Object, path: list[str], value: Any) -> None:
    """Put `value` where `path` leads; "" is the list's last object, or a next one if that has the key already."""
    head, *rest = path
    if not rest:
        into[head] = value
    elif rest[0]:
        if not is_object(into.get(head)):
            into[head] = {}
        _put(into[head], rest, value)
    else:
        if not is_array(into.get(head)):
            into[head] = []
        _append(into[head], rest[1:], value)


def _append(items: list[Any], path: list[str], value: Any) -> None:
    if not path:
        items.append(value)
        return
    if not items or not is_object(items[-1]) or _has(items[-1], path):
        items.append({})
    _put(items[-1], path, value)


def _has(item: Any, path: list[str]) -> bool:
    for name in path:
        if not is_object(item) or name not in item:
            return False
        item = item[name]
    return True
