"""Secrets that are easy to find, and the search for them in all output and files of a program.

Rules. The token must be nowhere: not in text, logs, reprs, members, pickles, tracebacks with locals
or files. Phone and e-mail must not be in logs, `str`, `repr`, `args` and pickles; a traceback with
locals, a member and a spool may hold them. A hit names the secret and the place, and shows neither.
"""

from __future__ import annotations

import base64
import logging
import pickle
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

__all__ = ["EMAIL", "PHONE", "TOKEN", "Hit", "assert_unseen", "hits_in", "hits_in_file", "hits_in_text"]

TOKEN: Final = "tok_CANARY_7f3a9c51d2e84b60"
PHONE: Final = "+59899700731"
EMAIL: Final = "canary.will.e@example.org"

_SECRETS: Final = {"token": TOKEN, "phone": PHONE, "e-mail": EMAIL}
# Parts that survive URL quoting, JSON escapes and a cut at either end.
_PARTS: Final[dict[str, tuple[str, ...]]] = {
    "token": ("tok_CANARY", "7f3a9c51d2", "51d2e84b60"),
    "phone": ("59899700731", "99700731"),
    "e-mail": ("canary.will.e",),
}
_PERSONAL: Final = ("phone", "e-mail")


class Hit(NamedTuple):
    """A secret, by name, and where it was found."""

    secret: str
    where: str


def _coded(secret: str) -> Iterator[bytes]:
    """What base64 makes of the secret, at each of the three places where it can begin."""
    for before in range(3):
        coded = base64.b64encode(b"\0" * before + secret.encode())
        yield coded[4 if before else 0 : -4]


_NEEDLES: Final = {
    name: (*(part.encode() for part in _PARTS[name]), *_coded(secret)) for name, secret in _SECRETS.items()
}


def hits_in_text(text: str | bytes, where: str = "text", *, personal: bool = True) -> list[Hit]:
    """The secrets in a text or in bytes; `personal=False` searches for the token only."""
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    names = [name for name in _NEEDLES if personal or name not in _PERSONAL]
    return [Hit(name, where) for name in names if any(needle in data for needle in _NEEDLES[name])]


def hits_in_file(path: Path) -> list[Hit]:
    """The token in a file: a spool holds the payloads, as it must."""
    return hits_in_text(path.read_bytes(), f"file {path.name}", personal=False)


def hits_in(thing: object) -> list[Hit]:
    """The secrets in everything that an object, an exception or a log record shows."""
    return list(dict.fromkeys(_search(thing)))


def assert_unseen(*things: object) -> None:
    """Fail with every hit in these: paths are read as files, everything else is searched by its type."""
    hits = [hit for thing in things for hit in (hits_in_file(thing) if isinstance(thing, Path) else hits_in(thing))]
    if hits:
        raise AssertionError("secrets are seen: " + "; ".join(f"{secret} in {where}" for secret, where in hits))


def _search(thing: object, above: tuple[object, ...] = ()) -> Iterator[Hit]:
    if isinstance(thing, str | bytes):
        yield from hits_in_text(thing)
        return
    for error in _chained(thing):
        if not any(error is known for known in (*above, thing)):
            yield from _search(error, (*above, thing))
    name = type(thing).__name__
    for where, shown in _shown(thing):
        yield from hits_in_text(shown, f"{where} of {name}")
    for where, shown in _within(thing):
        yield from hits_in_text(shown, f"{where} of {name}", personal=False)


def _shown(thing: object) -> Iterator[tuple[str, str | bytes]]:
    """What must show no secret at all."""
    yield "str", str(thing)
    yield "repr", repr(thing)
    yield "format", f"{thing}"
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        try:
            yield f"pickle {protocol}", pickle.dumps(thing, protocol)
        except Exception:  # an object that cannot be pickled shows nothing
            break
    if isinstance(thing, logging.LogRecord):
        yield "message", thing.getMessage()
        yield "arguments", repr(thing.args)
    if isinstance(thing, BaseException):
        yield "args", repr(thing.args)
        yield "traceback", "".join(traceback.format_exception(thing))


def _within(thing: object) -> Iterator[tuple[str, str]]:
    """What must not show the token: members, as they show themselves, and frames."""
    for member in _members(thing):
        yield member, repr(getattr(thing, member, None))
    error = thing.exc_info[1] if isinstance(thing, logging.LogRecord) and thing.exc_info else thing
    if isinstance(error, BaseException):
        shown = traceback.TracebackException.from_exception(error, capture_locals=True)
        yield "traceback with locals", "".join(shown.format())


def _chained(thing: object) -> Iterator[BaseException]:
    """The exceptions chained to this one."""
    if isinstance(thing, BaseExceptionGroup):
        yield from thing.exceptions
    if isinstance(thing, BaseException):
        yield from (error for error in (thing.__cause__, thing.__context__) if error is not None)


def _members(thing: object) -> Iterable[str]:
    yield from getattr(thing, "__dict__", ())
    yield from getattr(type(thing), "__struct_fields__", ())
    for kind in type(thing).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        yield from (slots,) if isinstance(slots, str) else slots
