"""Why there was no connection, in words that an operator can act on.

Rules. What comes out is an exception of the standard library, made anew: without a traceback, a context, or
anything of the request. Its text names no token and no credentials of a proxy.
"""

from __future__ import annotations

import os
import re
import socket
import ssl
from typing import Final

__all__ = ["diagnose", "origin_of"]

NO_TLS: Final = frozenset(
    {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "UNSUPPORTED_PROTOCOL", "PACKET_LENGTH_TOO_LONG"}
)
"""OpenSSL's reasons when the other side answers something that is not TLS."""

_NUMBER: Final = re.compile(r"\[Errno (\d+)\]")
"""Of the failures at several addresses, which come as one error with a text of theirs."""


def diagnose(error: BaseException) -> OSError:
    """The cause of a failure to connect."""
    match error:
        case ssl.SSLError():
            return _of_tls(error)
        case socket.gaierror() if error.errno == socket.EAI_AGAIN:
            return socket.gaierror("the host's name cannot be looked up at present: no name server answers")
        case socket.gaierror():
            return socket.gaierror("the host's name is not found")
        case UnicodeError():
            return socket.gaierror("the host's name is no name that can be looked up")
        case TimeoutError():
            return TimeoutError("no connection within the time allowed")
        case ConnectionRefusedError():
            return ConnectionRefusedError("the connection is refused: nothing listens there, or a firewall says no")
        case ConnectionResetError() | ConnectionAbortedError():
            return ConnectionResetError("the connection was closed by the other side before it could be used")
        case OSError() if error.errno is not None:
            return ConnectionError(f"no connection: {os.strerror(error.errno)}")
        case OSError() if numbers := _NUMBER.findall(str(error)):
            reasons = dict.fromkeys(os.strerror(int(number)) for number in numbers)
            return ConnectionError(f"no connection: {', '.join(reasons)}")
        case _:
            return ConnectionError("no connection")


def origin_of(error: BaseException) -> OSError | None:
    """What the operating system, TLS or a lookup of names said, if one of them is behind the error of a library."""
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, OSError) and not isinstance(found, TimeoutError):
            return found
        found = found.__cause__ or found.__context__
    return None


def _of_tls(error: ssl.SSLError) -> ssl.SSLError:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _saying(ssl.SSLCertVerificationError, f"the server's certificate is not trusted: {error.verify_message}")
    if error.reason in NO_TLS:
        return _saying(ssl.SSLError, "the server does not speak TLS on this port; is it an http:// URL?")
    return _saying(ssl.SSLError, f"the TLS handshake failed ({error.reason or 'broken off'})")


def _saying(kind: type[ssl.SSLError], text: str) -> ssl.SSLError:
    """With a number beside it, since it would show a text alone as a tuple."""
    return kind(ssl.SSLErrorNumber.SSL_ERROR_SSL, text)
