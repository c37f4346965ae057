"""The server-sent events that keep the page up to date.

Rules. Each page reads from the history at its own pace, so a slow one costs no memory. At most
`BATCH` requests go out per tick; the page gets the number of those left out.
"""

from __future__ import annotations

import asyncio
import dataclasses
import math
import time
from collections.abc import AsyncGenerator
from typing import Any

import msgspec

from ..api import EmulatedApi
from ..traffic import KEPT
from . import views

__all__ = ["feed"]

TICK = 0.1
"""Seconds between two looks at the history."""
BATCH = 300


async def feed(api: EmulatedApi) -> AsyncGenerator[bytes]:
    """Messages without end: "settings" when they change, "requests" from the newest kept on, "traffic" each second."""
    settings: Any = None
    after = max(0, api.requests.total - BATCH)
    second = math.floor(time.monotonic()) - KEPT
    unanswered: set[int] = set()
    while True:
        current = views.settings(api)
        if current != settings:
            settings = current
            yield _message("settings", settings)
        if (requests := _requests(api, after, unanswered)) is not None:
            after = api.requests.total
            yield _message("requests", requests)
        now = math.floor(time.monotonic())
        if now > second:
            complete = [entry for entry in api.traffic.since(second) if entry.at < now]
            yield _message("traffic", {"now": now, "seconds": [dataclasses.asdict(entry) for entry in complete]})
            second = now
        await asyncio.sleep(TICK)


def _requests(api: EmulatedApi, after: int, unanswered: set[int]) -> dict[str, Any] | None:
    """New requests, and those sent before whose answer has come since."""
    total = api.requests.total
    new = api.requests.after(after, BATCH)
    late = [seen for number in sorted(unanswered) if (seen := api.requests.find(number)) is not None and seen.status]
    if not new and not late and total == after:
        return None
    waiting = sorted(
        unanswered.difference(seen.number for seen in late) | {seen.number for seen in new if not seen.status}
    )
    unanswered.clear()
    unanswered.update(waiting[-BATCH:])
    rows = [views.summary(seen, api.store.now()) for seen in (*late, *new)]
    return {"rows": rows, "left_out": max(0, total - after - len(new))}


def _message(name: str, content: object) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), msgspec.json.encode(content))
