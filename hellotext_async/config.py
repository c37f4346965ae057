"""Settings of a client: token, base URL, timeouts, retries and limits.

Rules. Every value is checked when it is given. A `Token` appears in no repr, pickle or copy.
"""

from __future__ import annotations

import ipaddress
import math
import os
import re
from collections.abc import Callable
from os import PathLike
from typing import TYPE_CHECKING, Final, Literal, NoReturn, TypeVar
from urllib.parse import urlsplit

import msgspec

from .errors import ConfigurationError

if TYPE_CHECKING:
    import ssl as ssl_module

__all__ = [
    "DEFAULT_URL",
    "EventFormat",
    "Limits",
    "Options",
    "Retry",
    "Timeouts",
    "Token",
    "check_flag",
    "check_proxy",
    "check_ssl",
    "check_text",
    "instance_of",
    "origin",
]

T = TypeVar("T")

DEFAULT_URL: Final = "https://api.hellotext.com"
EventFormat = Literal["typed", "object"]

_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]+")
_LONGEST_TEXT: Final = 64


class Token:
    """A secret that appears in no repr, str, pickle, copy or attribute; only `header` returns it."""

    __slots__ = ("_header",)

    def __init__(self, value: str) -> None:
        if not isinstance(value, str) or not _TOKEN.fullmatch(value):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError("token: expected letters, digits and ._~+/=- only, and at least one")
        header = f"Bearer {value}"
        self._header: Callable[[], str] = lambda: header

    def header(self) -> str:
        """The value of the Authorization header."""
        return self._header()

    def __repr__(self) -> str:
        return "Token(…)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a token is not pickled or copied")


def _number(value: object) -> bool:
    """Whether it is a finite number; a bool is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an int that no float can hold
        return False


def _positive(owner: str, name: str, value: float | None) -> None:
    if value is not None and not (_number(value) and value > 0):
        raise ConfigurationError(f"{owner}.{name}: expected a finite number above 0")


def _whole(owner: str, name: str, value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ConfigurationError(f"{owner}.{name}: expected a whole number from 1")


class Timeouts(msgspec.Struct, frozen=True):
    """Seconds allowed to one attempt: to `connect` (TLS included), to wait for bytes (`read`), and in `total`."""

    connect: float = 5
    read: float = 15
    total: float = 20

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            _positive("Timeouts", name, getattr(self, name))


class Retry(msgspec.Struct, frozen=True):
    """When a call is retried: at most `attempts` requests within `deadline` seconds, waits included.

    The wait before attempt n+1 is random in [0, min(`cap`, `base` * 2**(n-1))] seconds (full
    jitter), and never shorter than a Retry-After.
    """

    attempts: int = 4
    deadline: float = 60
    base: float = 0.5
    cap: float = 30

    def __post_init__(self) -> None:
        _whole("Retry", "attempts", self.attempts)
        for name in ("deadline", "base", "cap"):
            _positive("Retry", name, getattr(self, name))


class Limits(msgspec.Struct, frozen=True):
    """Ceilings of the client: requests per second (`rate`; None: only the limit learned from the API),
    requests in flight and connections (`concurrency`), decompressed bytes of one answer (`response_bytes`).
    """

    rate: float | None = None
    concurrency: int = 100
    response_bytes: int = 10 * 1024 * 1024

    def __post_init__(self) -> None:
        _positive("Limits", "rate", self.rate)
        for name in ("concurrency", "response_bytes"):
            _whole("Limits", name, getattr(self, name))


class Options(msgspec.Struct, frozen=True):
    """Settings of one view of a client: its `retry`, and how long a call waits for a permit.

    `wait` in seconds bounds the wait for a permit; 0 fails at once with `RateLimited`; None waits
    as long as the deadline allows.
    """

    retry: Retry = Retry()
    wait: float | None = None

    def __post_init__(self) -> None:
        instance_of(self.retry, Retry, "retry")
        if self.wait is not None and not (_number(self.wait) and self.wait >= 0):
            raise ConfigurationError("wait: expected None or a finite number of seconds from 0")


def token_from(value: str | Token | None) -> Token:
    """The token given, else the one in HELLOTEXT_API_TOKEN."""
    if isinstance(value, Token):
        return value
    found = os.environ.get("HELLOTEXT_API_TOKEN") if value is None else value
    if not found:
        raise ConfigurationError("token: pass one, or set HELLOTEXT_API_TOKEN")
    return Token(found)


def instance_of(value: T, kind: type[T], name: str) -> T:
    """`value` if it is of this kind, else a ConfigurationError naming the setting."""
    if not isinstance(value, kind):
        raise ConfigurationError(f"{name}: expected {'an' if kind.__name__[0] in 'AEIO' else 'a'} {kind.__name__}")
    return value


def check_flag(value: bool, name: str) -> bool:
    """`value` if it is True or False: a text such as "no" would be taken for true."""
    if not isinstance(value, bool):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError(f"{name}: expected True or False")
    return value


def check_choice(value: T, choices: tuple[T, ...], name: str) -> T:
    """`value` if it is one of `choices`."""
    if value not in choices:
        *most, last = map(repr, choices)
        raise ConfigurationError(f"{name}: expected {', '.join(most)} or {last}")
    return value


def check_seconds(value: float, name: str) -> float:
    """`value` if it is a finite number of seconds from 0."""
    if not (_number(value) and value >= 0):
        raise ConfigurationError(f"{name}: expected a finite number of seconds from 0")
    return value


def check_path(value: str | PathLike[str], name: str) -> str | PathLike[str]:
    """`value` if it is a path."""
    if not isinstance(value, (str, PathLike)) or not os.fspath(value):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError(f"{name}: expected a path")
    return value


def check_text(value: str | None, name: str) -> str | None:
    """`value` if it is None, or 1 to 64 printable characters: it stands in log lines and metrics."""
    if value is None:
        return None
    short = isinstance(value, str) and 0 < len(value) <= _LONGEST_TEXT  # pyright: ignore[reportUnnecessaryIsInstance]
    if not (short and value.isprintable() and value == value.strip()):
        raise ConfigurationError(f"{name}: expected None or 1 to {_LONGEST_TEXT} printable characters")
    return value


def check_ssl(value: ssl_module.SSLContext | None) -> ssl_module.SSLContext | None:
    """`value` if it is None or a context; False is not a way to skip the check of certificates."""
    if value is not None:
        from ssl import SSLContext

        if not isinstance(value, SSLContext):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError("ssl: expected None or an ssl.SSLContext")
    return value


def check_proxy(value: str | None) -> str | None:
    """`value` if it is None or the URL of a proxy. It may hold a password, so no message shows it."""
    if value is None:
        return None
    problem = "proxy: expected None or a URL such as http://proxy.example:3128"
    if not isinstance(value, str) or any(char <= " " or char == "\x7f" for char in value):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError(problem)
    try:
        parts = urlsplit(value)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ConfigurationError(problem)
    return value


def business_id_from(value: str | None) -> str | None:
    """The business's public id: the one given, else the one in HELLOTEXT_BUSINESS_ID, if any."""
    found = os.environ.get("HELLOTEXT_BUSINESS_ID") or None if value is None else value
    if found is not None and not (isinstance(found, str) and _TOKEN.fullmatch(found)):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError("business_id: expected letters, digits and ._~+/=- only, and at least one")
    return found


def url_from(value: str | None) -> str:
    """The base URL given, else the one in HELLOTEXT_API_URL, else the vendor's."""
    if value is not None and not isinstance(value, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError("base_url: expected None or https://host")
    return value or os.environ.get("HELLOTEXT_API_URL") or DEFAULT_URL


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def origin(url: str, *, allow_http: bool = False) -> str:
    """`url` as scheme://host[:port], or a ConfigurationError; plain http only to loopback unless allowed."""
    if any(char <= " " or char == "\x7f" for char in url):
        raise ConfigurationError("base_url: has blanks or control characters")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ConfigurationError("base_url: not a URL") from None
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise ConfigurationError("base_url: expected https://host")
    if parts.username is not None or parts.query or parts.fragment or parts.path not in ("", "/"):
        raise ConfigurationError("base_url: expected only scheme, host and port")
    if not re.fullmatch(r"[A-Za-z0-9.:_-]+", parts.hostname):
        raise ConfigurationError("base_url: the host has characters that no host name has")
    if parts.scheme == "http" and not (allow_http or _is_loopback(parts.hostname)):
        raise ConfigurationError("base_url: plain http would show the token; use https, or pass allow_http=True")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{port}" if port is not None else "")
