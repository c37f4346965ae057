"""Events: what customers did, sent one at a time; `client.event_queue()` is for many."""

from collections.abc import Callable, Mapping
from typing import Any, Unpack

import msgspec

from .._events.event import Event
from .._events.fields import EventFields
from .._events.prepare import prepare
from .._wire.call import EVENTS_PATH, Call, Sends
from .._wire.codec import Answer
from ..config import EventFormat


class Tracked(Answer, frozen=True, kw_only=True):
    """The answer to an event: its `status`, ``received``; ``dropped`` if a `before_send` dropped it.

    The API gives events no ids.
    """

    status: str = ""


class Events:
    """``client.events``"""

    def __init__(
        self,
        sends: Sends,
        event_format: EventFormat = "typed",
        before_send: Callable[[Event], Event | None] | None = None,
        *,
        strict: bool = False,
    ) -> None:
        self._sends = sends
        self._format: EventFormat = event_format
        self._before_send = before_send
        self._strict = strict

    async def track(self, action: str, /, **fields: Unpack[EventFields]) -> Tracked:
        """Track one event. Order events of a known profile are safely repeated; others may raise OutcomeUnknown."""
        return await self._send(action, fields)

    async def send(self, event: Event, /) -> Tracked:
        """Track one `Event`."""
        return await self._send(event.action, event.fields)

    async def _send(self, action: str, fields: Mapping[str, Any]) -> Tracked:
        if self._before_send is not None:
            event = self._before_send(Event(action, **fields))
            if event is None:
                return Tracked(status="dropped")
            action, fields = event.action, event.fields
        ready = prepare(action, fields, event_format=self._format, strict=self._strict)
        call = Call("POST", EVENTS_PATH, Tracked, ready.idempotency, body=msgspec.Raw(ready.body), key=ready.event_id)
        return await self._sends.send(call)
