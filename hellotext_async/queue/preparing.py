"""From what a caller hands in to the bytes that are sent: checked, seen by `before_send`, and not too large."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from .._events.event import Event
from .._events.prepare import Prepared, prepare, prepare_event
from ..errors import InvalidParameter

if TYPE_CHECKING:
    from ..config import EventFormat
    from .settings import Settings

__all__ = ["Preparing"]


class Preparing:
    """Prepares the events of one queue."""

    def __init__(self, settings: Settings) -> None:
        self._format: EventFormat = settings.event_format
        self._strict = settings.strict
        self._keyed = settings.idempotency_keys
        self._max_bytes = settings.max_bytes
        self._before_send = settings.before_send
        self._wall = settings.wall
        self.of_call = self._plain if settings.before_send is None else self.any
        """An action and its fields as they are sent, or what `any` makes of them; the size is not checked yet."""

    def _plain(self, action: str, fields: Mapping[str, Any]) -> Prepared:
        ready = prepare(action, fields, self._format, self._wall(), strict=self._strict)
        return _with_key(ready) if self._keyed else ready

    def any(self, action: str | Event, fields: Mapping[str, Any]) -> Prepared | Event:
        """An event as it is sent; the Event itself if `before_send` drops it."""
        if not isinstance(action, str) and fields:
            raise InvalidParameter(next(iter(fields)), "an Event has its fields already")
        if self._before_send is None and isinstance(action, str):
            return self.fitting(self._plain(action, fields))
        event = Event(action, **fields) if isinstance(action, str) else action
        sent = event if self._before_send is None else self._before_send(event)
        if sent is None:
            return event
        ready = prepare_event(sent.body(), self._format, self._wall(), strict=self._strict)
        return self.fitting(_with_key(ready) if self._keyed else ready)

    def fitting(self, ready: Prepared) -> Prepared:
        """`ready`, if a queue can ever have room for it; else InvalidParameter."""
        if len(ready.body) > self._max_bytes:
            raise InvalidParameter("event", f"larger than the queue's max_bytes ({self._max_bytes})")
        return ready


def _with_key(ready: Prepared) -> Prepared:
    """An event that is sent with a key, by which the API recognises a repeat."""
    return msgspec.structs.replace(ready, idempotency="idempotent")
