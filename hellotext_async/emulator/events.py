"""Events: their profile and session, amount, time and trackable; and what accepting one changes."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from .actions import TRACKABLES
from .forms import nested
from .refusal import blank, missing, not_found, refuse
from .trackables import resolve
from .values import finite, is_empty

if TYPE_CHECKING:
    from .store import Store

__all__ = ["track"]

Object = dict[str, Any]
MILLISECONDS = 100_000_000_000
"""A time that is more than this is not in seconds."""


def track(store: Store, body: Object) -> None:
    """Accept one event, or refuse it and change nothing."""
    body = nested(body)
    action = _action(store, body)
    profile, session = _subject(store, body)
    _check_money(action, body)
    _check_moment(body.get("tracked_at"))
    plan = resolve(store, action, body)
    # Everything is valid: from here on the event is applied.
    if session is not None and (profile is not None or session not in store.sessions):
        store.sessions[session] = profile
    event = {**body, "action": action, "profile": profile, "session": session}
    once = None
    if plan is not None:
        event["trackable"] = plan()
        if profile is not None and action.startswith("order.") and action in TRACKABLES:
            once = (action, event["trackable"])
    if profile is not None:
        store.profiles.touch(profile)
    store.accept(event, once=once)


def _action(store: Store, body: Object) -> str:
    action = body.get("action")
    if "action" not in body:
        raise missing("action")
    if is_empty(action):
        raise blank("action")
    if not isinstance(action, str) or (action not in TRACKABLES and not store.actions.taken("name", action)):
        raise not_found("action")
    return action


def _subject(store: Store, body: Object) -> tuple[str | None, str | None]:
    """The profile, given or the session's, and the session."""
    profile, session = body.get("profile"), body.get("session")
    if is_empty(profile):
        profile = None
    if is_empty(session):
        session = None
    if profile is None and session is None:
        raise refuse("object_invalid", "profile")
    if profile is not None:
        profile = store.profiles.get(profile, "profile")["id"]
    if session is None:
        return profile, None
    if not isinstance(session, str):
        raise refuse("invalid", "session")
    if profile is not None:
        store.sessions.check_owner(session, profile)
    return profile or store.sessions.get(session), session


def _check_money(action: str, body: Object) -> None:
    amount, currency = body.get("amount"), body.get("currency")
    for name, value in (("amount", amount), ("currency", currency)):
        if value is None and (action == "app.spent" or (name == "amount" and currency is not None)):
            raise missing(name)
    if amount is not None and not finite(amount):
        raise refuse("invalid", "amount")
    if currency is not None and not (isinstance(currency, str) and re.fullmatch(r"[A-Za-z]{3}", currency)):
        raise refuse("invalid", "currency")


def _check_moment(at: Any) -> None:
    """Unix seconds, or ISO 8601 with a zone."""
    if at is None or (finite(at) and 0 <= float(at) < MILLISECONDS):
        return
    try:
        if isinstance(at, str) and datetime.fromisoformat(at).tzinfo is not None:
            return
    except ValueError:
        pass
    raise refuse("invalid", "tracked_at")
