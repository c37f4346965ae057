"""A secret that is shown anywhere is found."""

from __future__ import annotations

import base64
import logging
import pickle
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.harness.canary import EMAIL, PHONE, TOKEN, assert_unseen, hits_in, hits_in_file, hits_in_text


class Slotted:
    __slots__ = ("token",)
    token: str


def _holding(text: str) -> Exception:
    """An exception whose traceback has the text in a local variable."""
    try:
        return _raising(text)
    except ValueError as error:
        return error


def _raising(secret: str) -> Exception:
    raise ValueError(len(secret))


def _slotted(text: str) -> Slotted:
    thing = Slotted()
    thing.token = text
    return thing


def _noted(text: str) -> Exception:
    error = ValueError("plain")
    error.add_note(text)
    return error


class Discreet(Exception):
    """Shows nothing itself, but keeps its arguments."""

    def __str__(self) -> str:
        return "…"

    __repr__ = __str__

    def __reduce__(self) -> str:
        raise TypeError


def _caused(text: str) -> Exception:
    error = ValueError("plain")
    error.__cause__ = Discreet(text)
    return error


def _grouped(text: str) -> Exception:
    return ExceptionGroup("plain", [Discreet(text)])


def _logged(*args: object) -> logging.LogRecord:
    return logging.LogRecord("x", logging.INFO, "f", 1, "sent %s", args, None)


@pytest.mark.parametrize(
    "hide",
    [
        lambda text: f"before {text} after",
        lambda text: base64.b64encode(f"Bearer {text}".encode()).decode(),
        lambda text: pickle.dumps([text]),
        lambda text: ValueError("plain", text),
        lambda text: SimpleNamespace(inner=[text]),
        _noted,
        Discreet,
        _caused,
        _grouped,
        _logged,
    ],
)
@pytest.mark.parametrize("secret", [TOKEN, PHONE, EMAIL])
def test_a_secret_that_is_shown_is_found(hide: Callable[[str], object], secret: str) -> None:
    """Text, codes, pickles, arguments, notes, causes and logs are searched, and a hit does not repeat the secret."""
    found = hits_in(hide(secret))
    assert found and secret not in repr(found)
    with pytest.raises(AssertionError, match="secrets are seen") as raised:
        assert_unseen("nothing here", hide(secret))
    assert secret not in str(raised.value)


@pytest.mark.parametrize("hide", [_holding, _slotted])
def test_members_and_frames_may_hold_a_customer_but_no_token(hide: Callable[[str], object]) -> None:
    """In members and in tracebacks with locals only the token is a hit."""
    assert {hit.secret for hit in hits_in(hide(TOKEN))} == {"token"}
    assert hits_in(hide(PHONE)) == hits_in(hide(EMAIL)) == []


def test_a_file_may_hold_a_payload_but_no_token(tmp_path: Path) -> None:
    """A spool's phone numbers are no hit, its token is."""
    spool = tmp_path / "spool.db"
    spool.write_bytes(b"\0" + PHONE.encode() + EMAIL.encode())
    assert hits_in_file(spool) == []
    spool.write_bytes(b"\xff\0" + TOKEN[4:].encode())
    with pytest.raises(AssertionError, match=r"token in file spool\.db"):
        assert_unseen(spool)


def test_nothing_is_found_where_nothing_is() -> None:
    """Ordinary values are clean, and an object that cannot be pickled is no error."""
    assert_unseen("tok_live", 5, ValueError("x"), lambda: None, _logged("y"), SimpleNamespace(a=1))
    assert hits_in_text("+59899000001 will@example.org") == []
