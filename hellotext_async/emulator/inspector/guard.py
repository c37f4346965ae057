"""Which requests the inspector answers: those of a page of its own, not those of another site.

Rules. On loopback, a `Host` that is not this machine's is refused: a foreign name that resolves to
127.0.0.1 (DNS rebinding) would make another site's page one of ours. What changes something comes
from our own origin and as JSON, which no form of another site can send.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

__all__ = ["is_allowed", "is_loopback"]


def is_allowed(method: str, headers: Mapping[str, str], *, loopback: bool) -> bool:
    """Whether to answer; `loopback`: the emulator listens there only."""
    host = headers.get("Host", "")
    if loopback and not is_loopback(_name(host)):
        return False
    if method in ("GET", "HEAD"):
        return True
    origin = headers.get("Origin")
    as_json = headers.get("Content-Type", "").partition(";")[0].strip() == "application/json"
    return as_json and origin in (None, f"http://{host}")


def is_loopback(name: str) -> bool:
    """Whether a host's name or address is this machine's loopback."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _name(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if ":" in host else host
