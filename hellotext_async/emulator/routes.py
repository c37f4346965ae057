"""The table of routes: a path, its methods, and their handlers.

A fixed path is one dictionary look-up; one with ``*`` is compared with those of the same length. A
uniform family is a row in `FAMILIES`; any other route is a row here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from . import families, identifications, messages
from .collection import page
from .commerce import add_variant
from .events import track
from .families import FAMILIES, VARIANTS, Family
from .forms import nested
from .refusal import Refusal, not_found, refuse

if TYPE_CHECKING:
    from .store import Store

__all__ = ["PUBLIC", "answer"]

Object = dict[str, Any]
Answer = tuple[int, Any]
RECEIVED = {"status": "received"}


@dataclass(slots=True)
class Request:
    """One request: the segments that stand for ``*``, the query, the body and the headers."""

    store: Store
    ids: list[str]
    query: Object
    body: Object
    headers: Mapping[str, str]


Handler = Callable[[Request], Answer]
Methods = dict[str, Handler]


def answer(
    store: Store, method: str, path: str, query: Object, body: Object, headers: Mapping[str, str] | None = None
) -> Answer:
    """The status and the JSON that answer an authorized request; `path` is still quoted."""
    methods, ids = _FIXED.get(path), list[str]()
    if methods is None:
        methods, ids = _match_pattern(path)
    handler = methods.get(method)
    if handler is None:
        raise refuse("invalid", "method", status=405)
    return handler(Request(store, ids, query, body, headers or {}))


def _match_pattern(path: str) -> tuple[Methods, list[str]]:
    parts = [unquote(part) for part in path.split("/")]
    for pattern, methods in _PATTERNS.get(len(parts), ()):
        if all(wanted in ("*", part) for wanted, part in zip(pattern, parts, strict=True)):
            return methods, [part for wanted, part in zip(pattern, parts, strict=True) if wanted == "*"]
    raise not_found()


# The uniform families.


def _all(family: Family) -> Methods:
    def listed(request: Request) -> Answer:
        collection = family.of(request.store)
        items, more = page(collection.newest_first(), request.query)
        return 200, {collection.key: items, "has_more": more}

    return {"GET": listed, "POST": lambda request: (201, families.create(request.store, family, request.body))}


def _one(family: Family) -> Methods:
    return {
        "GET": lambda request: (200, family.of(request.store).get(request.ids[0])),
        "PATCH": lambda request: (200, families.update(request.store, family, request.ids[0], request.body)),
        "DELETE": lambda request: (family.deleted, families.remove(request.store, family, request.ids[0])),
    }


# Profiles.


def _profile(request: Request) -> Answer:
    return 200, request.store.profiles.show(request.store.profiles.get(request.ids[0]))


def _profiles(request: Request) -> Answer:
    profiles = request.store.profiles
    items, more = page(profiles.sorted(request.query.get("sort")), request.query)
    return 200, {"profiles": [profiles.show(profile) for profile in items], "has_more": more}


def _clear_profile(request: Request) -> Answer:
    return 200, {"id": request.store.profiles.clear(request.ids[0])["id"], "type": "profile", "deleted": True}


def _state(state: str) -> Handler:
    return lambda request: (200, request.store.profiles.show(request.store.profiles.set_state(request.ids[0], state)))


def _verify(verified: bool) -> Handler:
    def handler(request: Request) -> Answer:
        request.store.profiles.verify(request.ids[0], {**request.query, **request.body}, verified=verified)
        return 200, {"verified": verified}

    return handler


def _membership(*, member: bool) -> Handler:
    def handler(request: Request) -> Answer:
        one, profile = request.store.lists.get(request.ids[0]), request.store.profiles.get(request.ids[1])
        if member != (one["id"] in profile["lists"]):
            others = [id for id in profile["lists"] if id != one["id"]]
            profile["lists"] = [*others, one["id"]] if member else others
            request.store.profiles.touch(profile["id"])
        return 200, request.store.profiles.show(profile)

    return handler


# Sessions and events.


def _attach(request: Request) -> Answer:
    session, sessions = request.ids[0], request.store.sessions
    if session not in sessions:
        raise not_found("session")
    if request.body.get("profile"):
        profile: str = request.store.profiles.get(request.body["profile"], "profile")["id"]
        sessions[session] = sessions[session] or profile  # that of another is answered unchanged, with 200
    return 200, {"id": session, "type": "session", "profile": sessions[session]}


def _new_session(request: Request) -> Answer:
    session = request.store.ids.identifier()
    request.store.sessions[session] = None
    return 201, {"id": session, "type": "session", "profile": None}


def _track(request: Request) -> Answer:
    track(request.store, request.body)
    return 200, RECEIVED


def _track_public(request: Request) -> Answer:
    """Answers before it validates, as the vendor's public route does; rejections are only counted."""
    try:
        track(request.store, request.body)
    except Refusal:
        request.store.async_rejections += 1
    return 200, RECEIVED


def _received(_: Request) -> Answer:
    return 200, RECEIVED


def _messages(request: Request) -> Answer:
    items, more = page(request.store.messages.newest_first(), request.query)
    return 200, {"messages": items, "has_more": more}


def _send(request: Request) -> Answer:
    messages.send(request.store, nested(request.body))
    return 200, RECEIVED


_PUBLIC: dict[str, Methods] = {
    "/v1/track/events": {"POST": _track_public},
    "/v1/track/sessions": {"POST": _new_session},
    "/v1/public/acks": {"POST": _received},
    "/v1/public/identifications": {"POST": lambda request: identifications.identify(request.store, request.body)},
    "/v1/public/identifications/*": {
        "GET": lambda request: identifications.poll(request.store, request.ids[0], request.headers)
    },
}
PUBLIC = ("/v1/track/", "/v1/public/")
"""Where the routes begin that are authorized by the business's id instead of the token."""

ROUTES: dict[str, Methods] = {
    **_PUBLIC,
    "/v1/attribution/events": {"POST": _track},
    "/v1/sessions/*": {"PATCH": _attach},
    "/v1/profiles": {
        "GET": _profiles,
        "POST": lambda request: (201, {"id": request.store.profiles.create(request.body)["id"]}),
    },
    "/v1/profiles/*": {
        "GET": _profile,
        "PATCH": lambda request: (
            200,
            {"id": request.store.profiles.update(request.ids[0], request.body)["id"], "updated": True},
        ),
        "DELETE": _clear_profile,
    },
    "/v1/profiles/*/subscribe": {"POST": _state("subscribed")},
    "/v1/profiles/*/unsubscribe": {"POST": _state("unsubscribed")},
    "/v1/profiles/*/verify": {"POST": _verify(True), "DELETE": _verify(False)},
    "/v1/lists/*/profiles/*": {"POST": _membership(member=True), "DELETE": _membership(member=False)},
    "/v1/attribution/products/*/variants": {
        "POST": lambda request: (201, add_variant(request.store, request.ids[0], nested(request.body)))
    },
    "/v1/attribution/variants/*": _one(VARIANTS),
    "/v1/messages": {"GET": _messages, "POST": _send},
    "/v1/messages/*": {"GET": lambda request: (200, request.store.messages.get(request.ids[0]))},
    **{path: _all(family) for path, family in FAMILIES.items()},
    **{f"{path}/*": _one(family) for path, family in FAMILIES.items()},
}

_FIXED = {path: methods for path, methods in ROUTES.items() if "*" not in path}
_PATTERNS: defaultdict[int, list[tuple[list[str], Methods]]] = defaultdict(list)
for _path, _methods in ROUTES.items():
    _PATTERNS[_path.count("/") + 1].append((_path.split("/"), _methods))
