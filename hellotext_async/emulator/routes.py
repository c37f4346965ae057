"""Which handler a request goes to: one dictionary look-up for a fixed path, then the families' patterns."""

# What comes in is JSON of any shape.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import events, families
from .collection import page
from .families import FAMILIES, Family
from .refusal import Refusal, not_found, refuse

if TYPE_CHECKING:
    from .store import Store

__all__ = ["PRIVATE_EVENTS", "PUBLIC", "Answer", "answer"]

Body = dict[str, Any]
Answer = tuple[int, Any]
Handler = Callable[["Store", list[str], Body, Body], Answer]

PRIVATE_EVENTS = "/v1/attribution/events"
PUBLIC_EVENTS = "/v1/track/events"


def answer(store: Store, method: str, path: str, query: Body, body: Body) -> Answer:
    """The status and the JSON for a request that is allowed to ask."""
    fixed = _FIXED.get((method, path))
    if fixed is not None:
        return fixed(store, [], query, body)
    for prefix, handlers in _PREFIXES:
        if path == prefix or path.startswith(prefix + "/"):
            return _below(store, method, path[len(prefix) :].strip("/"), handlers, query, body)
    if any(known == path for _, known in _FIXED):
        raise refuse("invalid", "method", status=405)
    raise not_found()


def _below(
    store: Store, method: str, rest: str, handlers: dict[tuple[str, str], Handler], query: Body, body: Body
) -> Answer:
    parts = rest.split("/") if rest else []
    shape = "/".join("*" if place % 2 == 0 else part for place, part in enumerate(parts))
    handler = handlers.get((method, shape))
    if handler is not None:
        return handler(store, [part.replace("\x00", "/") for part in parts[::2]], query, body)
    if any(known == shape for _, known in handlers):
        raise refuse("invalid", "method", status=405)
    raise not_found()


def _family(family: Family) -> dict[tuple[str, str], Handler]:
    def of(store: Store) -> Any:
        return family.of(store)

    def listed(store: Store, _: list[str], query: Body, __: Body) -> Answer:
        items, more = page(of(store).newest_first(), query)
        return 200, {of(store).key: items, "has_more": more}

    return {
        ("GET", ""): listed,
        ("POST", ""): lambda store, _, __, body: (201, families.create(store, family, body)),
        ("GET", "*"): lambda store, ids, _, __: (200, of(store).get(ids[0])),
        ("PATCH", "*"): lambda store, ids, _, body: (200, families.update(store, family, ids[0], body)),
        ("DELETE", "*"): lambda store, ids, _, __: (200, families.remove(store, family, ids[0])),
    }


# Profiles.


def _list_profiles(store: Store, _: list[str], query: Body, __: Body) -> Answer:
    items, more = page(store.profiles.sorted(query.get("sort")), query)
    return 200, {"profiles": [store.profiles.show(profile) for profile in items], "has_more": more}


def _delete_profile(store: Store, ids: list[str], _: Body, __: Body) -> Answer:
    return 200, {"id": store.profiles.clear(ids[0])["id"], "type": "profile", "deleted": True}


def _state(state: str) -> Handler:
    def handler(store: Store, ids: list[str], _: Body, __: Body) -> Answer:
        profile = store.profiles.get(ids[0])
        profile["state"] = state
        store.profiles.touch(ids[0])
        return 200, store.profiles.show(profile)

    return handler


def _verify(verified: bool) -> Handler:
    def handler(store: Store, ids: list[str], query: Body, body: Body) -> Answer:
        store.profiles.verify(ids[0], {**query, **body}, verified=verified)
        return 200, {"verified": verified}

    return handler


def _membership(*, member: bool) -> Handler:
    def handler(store: Store, ids: list[str], _: Body, __: Body) -> Answer:
        one, profile = store.lists.get(ids[0]), store.profiles.get(ids[1])
        others = [id for id in profile["lists"] if id != one["id"]]
        profile["lists"] = [*others, one["id"]] if member else others
        return 200, store.profiles.show(profile)

    return handler


_PROFILES: dict[tuple[str, str], Handler] = {
    ("GET", ""): _list_profiles,
    ("POST", ""): lambda store, _, __, body: (201, {"id": store.profiles.create(body)["id"]}),
    ("GET", "*"): lambda store, ids, _, __: (200, store.profiles.show(store.profiles.get(ids[0]))),
    ("PATCH", "*"): lambda store, ids, _, body: (
        200,
        {"id": store.profiles.update(ids[0], body)["id"], "updated": True},
    ),
    ("DELETE", "*"): _delete_profile,
    ("POST", "*/subscribe"): _state("subscribed"),
    ("POST", "*/unsubscribe"): _state("unsubscribed"),
    ("POST", "*/verify"): _verify(True),
    ("DELETE", "*/verify"): _verify(False),
}

_LISTS: dict[tuple[str, str], Handler] = {
    ("POST", "*/profiles/*"): _membership(member=True),
    ("DELETE", "*/profiles/*"): _membership(member=False),
}


def _attach(store: Store, ids: list[str], _: Body, body: Body) -> Answer:
    session = ids[0]
    if session not in store.sessions:
        raise not_found("session")
    if body.get("profile"):
        store.attach(session, store.profiles.get(body["profile"], "profile")["id"])
    return 200, {"id": session, "type": "session", "profile": store.sessions[session]}


# Events, private and public.


def _track(store: Store, _: list[str], __: Body, body: Body) -> Answer:
    return 200, events.track(store, body)


def _track_public(store: Store, _: list[str], __: Body, body: Body) -> Answer:
    """Accepted first: what is wrong with it shows later, and to nobody here."""
    try:
        events.track(store, body)
    except Refusal:
        store.counts["refused later"] += 1
    return 200, {"status": "received"}


def _session(store: Store, _: list[str], __: Body, ___: Body) -> Answer:
    id = store.identifier()
    store.sessions[id] = None
    return 201, {"id": id, "type": "session"}


def _received(_: Store, __: list[str], ___: Body, ____: Body) -> Answer:
    return 200, {"status": "received"}


_FIXED: dict[tuple[str, str], Handler] = {
    ("POST", PRIVATE_EVENTS): _track,
    ("POST", PUBLIC_EVENTS): _track_public,
    ("POST", "/v1/track/sessions"): _session,
    ("POST", "/v1/public/acks"): _received,
    ("POST", "/v1/public/identifications"): _received,
}
PUBLIC = frozenset(path for _, path in _FIXED if path != PRIVATE_EVENTS)

_PREFIXES: tuple[tuple[str, dict[tuple[str, str], Handler]], ...] = (
    ("/v1/profiles", _PROFILES),
    ("/v1/sessions", {("PATCH", "*"): _attach}),
    *((prefix, _family(family) | (_LISTS if prefix == "/v1/lists" else {})) for prefix, family in FAMILIES.items()),
)
