"""What the page shows, as JSON: requests, one request, profiles, the settings."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import msgspec

from ..api import EmulatedApi
from ..forms import is_object
from ..history import Seen

__all__ = ["detail", "profile", "profiles", "settings", "summary"]

Object = dict[str, Any]
EVENT_PATHS = ("/v1/attribution/events", "/v1/track/events")
LISTED = 50
"""Profiles in the list."""


def summary(seen: Seen, now: float) -> Object:
    """One row of the list; `now` is in Unix seconds."""
    body = seen.body if is_object(seen.body) else {}
    event = seen.path in EVENT_PATHS and seen.method == "POST"
    return {
        "number": seen.number,
        "at": now - time.monotonic() + seen.at,
        "method": seen.method,
        "path": seen.path,
        "status": seen.status,
        "event": _text(body.get("action")) or "event" if event else None,
        "subject": _text(body.get("profile")) or _text(body.get("session")) if event else None,
        "connection": seen.connection,
    }


def detail(seen: Seen, now: float) -> Object:
    """One request whole: its query, headers, decoded body and answer."""
    answer: Any = msgspec.json.decode(seen.answer) if seen.answer else None
    return {**summary(seen, now), "query": seen.query, "headers": seen.headers, "body": seen.body, "answer": answer}


def settings(api: EmulatedApi) -> Object:
    """The faults that are due, the limit, and the counts."""
    limit = api.rate_limit
    return {
        "instance": api.instance,
        "faults": [{**dataclasses.asdict(fault), "remaining": left} for fault, left in api.faults.remaining()],
        "limit": None if limit is None else {"rate": limit.rate, "burst": limit.burst},
        "requests": api.requests.total,
        "kept": api.requests.maxlen,
        "actions": dict(api.counts.most_common()),
        "statuses": {str(status): number for status, number in sorted(api.statuses.items())},
    }


def profiles(api: EmulatedApi, wanted: str) -> list[Object]:
    """The most active profiles whose id, name, e-mail or phone contains `wanted`."""
    with api.store.lock:
        shown = (api.store.profiles.show(each) for each in api.store.profiles.sorted("activity"))
        found: list[Object] = []
        for each in shown:
            if wanted.lower() in " ".join(_names(each)).lower():
                found.append({"id": each["id"], "name": _name(each), "state": each["state"]})
                if len(found) == LISTED:
                    break
    return found


def _name(profile: Object) -> str:
    return " ".join(str(part) for part in (profile["first_name"], profile["last_name"]) if part)


def _names(profile: Object) -> list[str]:
    return [profile["id"], _name(profile), *map(str, profile["emails"]), *map(str, profile["phones"])]


def profile(api: EmulatedApi, id: str) -> Object:
    """A profile with its timeline: the kept requests that concern it, the newest first.

    Raises Refusal if there is none.
    """
    with api.store.lock:
        shown = api.store.profiles.show(api.store.profiles.get(id))
        sessions = {session for session, owner in api.store.sessions.items() if owner == id}
    timeline = [summary(seen, api.store.now()) for seen in api.requests if _concerns(seen, id, sessions)]
    return {"profile": shown, "sessions": sorted(sessions), "timeline": timeline[::-1]}


def _concerns(seen: Seen, id: str, sessions: set[str]) -> bool:
    if id in seen.path.split("/"):
        return True
    if is_object(seen.body) and (seen.body.get("profile") == id or seen.body.get("session") in sessions):
        return True
    return seen.path == "/v1/profiles" and seen.method == "POST" and id.encode() in seen.answer


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
