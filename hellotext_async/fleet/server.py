"""What the server must be, by its own words: warnings that say what is at stake, and errors for what cannot work.

Rules. `INFO` alone is read: managed servers hide CONFIG. What cannot be read is a warning, never an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import ConfigurationError, SpoolError
from .layout import LAYOUT

if TYPE_CHECKING:
    from .commands import Limits
    from .layout import Layout
    from .link import Link

__all__ = ["agree", "must_write", "warnings_of"]


def warnings_of(info: Mapping[str, Any]) -> list[str]:
    """What is wrong with a server for this use."""
    found: list[str] = []
    policy = info.get("maxmemory_policy")
    if policy is None:
        found.append("its eviction policy cannot be read: with any other than noeviction it may drop accepted events")
    elif policy != "noeviction":
        found.append(f"maxmemory-policy is {policy}: it may drop accepted events; set noeviction")
    persists = info.get("aof_enabled")
    if persists is None:
        found.append("whether it has an append-only file cannot be read: without one a restart loses accepted events")
    elif not persists:
        found.append("it has no append-only file: a restart loses accepted events; set appendonly yes")
    if info.get("role") in ("slave", "replica"):
        found.append("it is a replica: it takes no events; connect to the primary")
    return found


async def agree(link: Link, layout: Layout, limits: Limits) -> None:
    """Write the stream's settings down if they are not; ConfigurationError if a process with others did."""
    ours = {"layout": LAYOUT, "shards": layout.shards, "bucket_ms": limits.bucket_ms}
    await link.pipeline([("HSETNX", layout.settings, name, value) for name, value in ours.items()])
    found: dict[bytes, bytes] = await link.command("hgetall", layout.settings)
    for name, value in ours.items():
        theirs = found.get(name.encode(), b"").decode("ascii", "replace")
        if theirs != str(value):
            raise ConfigurationError(_differs(layout.name, name, theirs, value))


def _differs(stream: str, name: str, theirs: str, ours: int) -> str:
    if name == "bucket_ms":
        days = int(theirs) / 500 if theirs.isdigit() else theirs
        return f"window: stream {stream} was made with one of {days} s, not of {ours / 500} s"
    if name == "layout":
        return f"stream {stream} has layout {theirs}; this version of hellotext-async knows {ours}"
    return f"shards: stream {stream} was made with {theirs}, not with {ours}"


def must_write(info: Mapping[str, Any], place: str) -> None:
    """SpoolError if the server takes no writes at all."""
    if info.get("role") in ("slave", "replica") and info.get("slave_read_only", 1):
        raise SpoolError(f"the server at {place} is a read-only replica")
