"""The reason of a failed connection, in words without secrets."""

from __future__ import annotations

import errno
import socket
import ssl

import pytest

from hellotext_async._diagnosis import diagnose


def tls(reason: str | None) -> ssl.SSLError:
    error = ssl.SSLError("as the library says it")
    error.reason = reason  # type: ignore[assignment]
    return error


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (socket.gaierror(-2, "Name or service not known"), socket.gaierror, "the host's name is not found"),
        (UnicodeError("label empty or too long"), socket.gaierror, "no name that can be looked up"),
        (TimeoutError(), TimeoutError, "within the time allowed"),
        (ConnectionRefusedError(), ConnectionRefusedError, "nothing listens there"),
        (ConnectionResetError(), ConnectionResetError, "closed by the other side"),
        (ConnectionAbortedError(), ConnectionResetError, "closed by the other side"),
        (OSError(errno.ENETUNREACH, "secret"), ConnectionError, "Network is unreachable"),
        (socket.gaierror(socket.EAI_AGAIN, "secret"), socket.gaierror, "no name server answers"),
        (OSError("secret"), ConnectionError, "^no connection$"),
        (ValueError("secret"), ConnectionError, "^no connection$"),
        (tls("WRONG_VERSION_NUMBER"), ssl.SSLError, "is it an http:// URL"),
        (tls("TLSV1_ALERT_INTERNAL_ERROR"), ssl.SSLError, r"handshake failed \(TLSV1_ALERT_INTERNAL_ERROR\)"),
        (tls(None), ssl.SSLError, r"handshake failed \(broken off\)"),
    ],
    ids=str,
)
def test_a_cause_is_of_the_standard_library_and_names_the_error(
    error: Exception, kind: type[OSError], words: str
) -> None:
    """Other contents of the error are omitted."""
    with pytest.raises(kind, match=words) as caught:
        raise diagnose(error)
    assert "secret" not in str(caught.value)
