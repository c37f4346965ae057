"""The assertions on what was tracked, and their messages: the nearest events, and the requests that were refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from .api import EmulatedApi
from .compare import differences
from .forms import is_object
from .history import Seen

__all__ = ["check_absent", "check_tracked"]

Object = dict[str, Any]
SHOWN = 3
"""How many events or refusals a message shows."""
_TRACKING = ("/v1/attribution/events", "/v1/track/events")


def check_tracked(
    api: EmulatedApi, action: str, fields: Mapping[str, Any], *, times: int | None, timeout: float
) -> Object:
    """The first of the events that match, or AssertionError; waits up to `timeout` seconds for them."""
    __tracebackhide__ = True
    with api.store.lock:
        api.store.lock.wait_for(lambda: _enough(_matching(api, action, fields), times), timeout)
        found = _matching(api, action, fields)
        if times is not None and len(found) != times and found:
            raise AssertionError(f"{_named(action, fields)}: accepted {len(found)} times, not {times}")
        if found:
            return found[0]
        if times == 0:
            return {}
        raise AssertionError("\n".join([f"{_named(action, fields)} was not accepted", *_why(api, action, fields)]))


def check_absent(api: EmulatedApi, action: str | None, fields: Mapping[str, Any]) -> None:
    """AssertionError that shows the events that match, if any does."""
    __tracebackhide__ = True
    with api.store.lock:
        found = _matching(api, action, fields)
    if found:
        shown = [f"  {event}" for event in found[:SHOWN]]
        more = [f"  and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
        raise AssertionError("\n".join([f"{_named(action or 'an event', fields)} was accepted:", *shown, *more]))


def _enough(found: list[Object], times: int | None) -> bool:
    return len(found) >= (1 if times is None else times)


def _matching(api: EmulatedApi, action: str | None, fields: Mapping[str, Any]) -> list[Object]:
    events = (event for event in api.events if action is None or event["action"] == action)
    return [event for event in events if not differences(event, fields)]


def _named(action: str, fields: Mapping[str, Any]) -> str:
    given = ", ".join(f"{name}={value!r}" for name, value in fields.items())
    return f"{action} with {given}" if given else action


# Why not.


def _why(api: EmulatedApi, action: str, fields: Mapping[str, Any]) -> list[str]:
    lines = [*_nearest(api.events, action, fields), *_refused(api.requests, action)]
    if lines:
        return lines
    if api.events:
        counts = Counter(event["action"] for event in api.events)
        return ["accepted: " + ", ".join(f"{number} {name}" for name, number in counts.most_common(10))]
    if api.counts:
        return [f"{api.counts.total()} events were accepted, but this emulator keeps none (keep_events=False)"]
    if not any(seen.path in _TRACKING for seen in api.requests):
        return ["no event arrived; was the queue flushed, and does the client use this emulator's url?"]
    return ["no event was accepted"]


def _nearest(events: Iterable[Object], action: str, fields: Mapping[str, Any]) -> list[str]:
    """The events that differ least: of this action, else those that have all of the fields."""
    misses: list[tuple[int, int, str]] = []
    for number, event in enumerate(events, 1):
        lines = differences(event, fields)
        if event["action"] != action:
            if lines or not fields:
                continue
            lines = [f"action is {event['action']!r}"]
        misses.append((len(lines), number, f"  event {number} ({event['action']}): {', '.join(lines)}"))
    return ["nearest:", *(line for _, _, line in sorted(misses)[:SHOWN])] if misses else []


def _refused(requests: Iterable[Seen], action: str) -> list[str]:
    found = [f"  {_refusal(seen)}" for seen in requests if _is_refused(seen, action)]
    return ["refused:", *found[-SHOWN:]] if found else []


def _is_refused(seen: Seen, action: str) -> bool:
    if seen.path not in _TRACKING or 200 <= seen.status < 300:
        return False
    return seen.body is None or (is_object(seen.body) and seen.body.get("action") == action)


def _refusal(seen: Seen) -> str:
    if not seen.status:
        return f"request {seen.number}: not answered"
    answer: Any = msgspec.json.decode(seen.answer) if seen.answer else {}
    errors = answer.get("errors", ()) if is_object(answer) else ()
    reasons = [f"{error['parameter'] or 'request'} ({error['type']})" for error in errors]
    return f"request {seen.number}: {seen.status} {', '.join(reasons)}".rstrip()
