"""The table of routes: a path, its methods, and what each answers.

A fixed path is one dictionary look-up; one with ``*`` is compared with those of its length. A new
family is a row in `FAMILIES`; whatever is special about it is a row here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from . import families
from .collection import page
from .events import track
from .families import FAMILIES, Family
from .refusal import Refusal, not_found, refuse

if TYPE_CHECKING:
    from .store import Store

__all__ = ["PUBLIC", "answer"]

Object = dict[str, Any]
Answer = tuple[int, Any]
RECEIVED = {"status": "received"}


@dataclass(slots=True)
class Asked:
    """One request: the segments that stand for ``*``, the query and the body."""

    store: Store
    ids: list[str]
    query: Object
    body: Object


Handler = Callable[[Asked], Answer]
Methods = dict[str, Handler]


def answer(store: Store, method: str, path: str, query: Object, body: Object) -> Answer:
    """The status and the JSON for a request that may ask; `path` as it came, still quoted."""
    methods, ids = _FIXED.get(path), list[str]()
    if methods is None:
        methods, ids = _among_patterns(path)
    handler = methods.get(method)
    if handler is None:
        raise refuse("invalid", "method", status=405)
    return handler(Asked(store, ids, query, body))


def _among_patterns(path: str) -> tuple[Methods, list[str]]:
    parts = [unquote(part) for part in path.split("/")]
    for pattern, methods in _PATTERNS.get(len(parts), ()):
        if all(wanted in ("*", part) for wanted, part in zip(pattern, parts, strict=True)):
            return methods, [part for wanted, part in zip(pattern, parts, strict=True) if wanted == "*"]
    raise not_found()


# The uniform families.


def _all(family: Family) -> Methods:
    def listed(asked: Asked) -> Answer:
        collection = family.of(asked.store)
        items, more = page(collection.newest_first(), asked.query)
        return 200, {collection.key: items, "has_more": more}

    return {"GET": listed, "POST": lambda asked: (201, families.create(asked.store, family, asked.body))}


def _one(family: Family) -> Methods:
    return {
        "GET": lambda asked: (200, family.of(asked.store).get(asked.ids[0])),
        "PATCH": lambda asked: (200, families.update(asked.store, family, asked.ids[0], asked.body)),
        "DELETE": lambda asked: (200, families.remove(asked.store, family, asked.ids[0])),
    }


# Profiles.


def _profile(asked: Asked) -> Answer:
    return 200, asked.store.profiles.show(asked.store.profiles.get(asked.ids[0]))


def _profiles(asked: Asked) -> Answer:
    profiles = asked.store.profiles
    items, more = page(profiles.sorted(asked.query.get("sort")), asked.query)
    return 200, {"profiles": [profiles.show(profile) for profile in items], "has_more": more}


def _clear_profile(asked: Asked) -> Answer:
    return 200, {"id": asked.store.profiles.clear(asked.ids[0])["id"], "type": "profile", "deleted": True}


def _state(state: str) -> Handler:
    return lambda asked: (200, asked.store.profiles.show(asked.store.profiles.set_state(asked.ids[0], state)))


def _verify(verified: bool) -> Handler:
    def handler(asked: Asked) -> Answer:
        asked.store.profiles.verify(asked.ids[0], {**asked.query, **asked.body}, verified=verified)
        return 200, {"verified": verified}

    return handler


def _membership(*, member: bool) -> Handler:
    def handler(asked: Asked) -> Answer:
        one, profile = asked.store.lists.get(asked.ids[0]), asked.store.profiles.get(asked.ids[1])
        if member != (one["id"] in profile["lists"]):
            others = [id for id in profile["lists"] if id != one["id"]]
            profile["lists"] = [*others, one["id"]] if member else others
            asked.store.profiles.touch(profile["id"])
        return 200, asked.store.profiles.show(profile)

    return handler


# Sessions and events.


def _attach(asked: Asked) -> Answer:
    session, sessions = asked.ids[0], asked.store.sessions
    if session not in sessions:
        raise not_found("session")
    if asked.body.get("profile"):
        profile: str = asked.store.profiles.get(asked.body["profile"], "profile")["id"]
        asked.store.check_owner(session, profile)
        sessions[session] = profile
    return 200, {"id": session, "type": "session", "profile": sessions[session]}


def _new_session(asked: Asked) -> Answer:
    session = asked.store.identifier()
    asked.store.sessions[session] = None
    return 201, {"id": session, "type": "session", "profile": None}


def _track(asked: Asked) -> Answer:
    track(asked.store, asked.body)
    return 200, RECEIVED


def _track_public(asked: Asked) -> Answer:
    """Accepted first: what is wrong with it shows later, and to nobody here."""
    try:
        track(asked.store, asked.body)
    except Refusal:
        asked.store.refused_later += 1
    return 200, RECEIVED


def _received(_: Asked) -> Answer:
    return 200, RECEIVED


_PUBLIC: dict[str, Methods] = {
    "/v1/track/events": {"POST": _track_public},
    "/v1/track/sessions": {"POST": _new_session},
    "/v1/public/acks": {"POST": _received},
    "/v1/public/identifications": {"POST": _received},
}
PUBLIC = frozenset(_PUBLIC)
"""The routes that ask for the business's id in place of the token."""

ROUTES: dict[str, Methods] = {
    **_PUBLIC,
    "/v1/attribution/events": {"POST": _track},
    "/v1/sessions/*": {"PATCH": _attach},
    "/v1/profiles": {
        "GET": _profiles,
        "POST": lambda asked: (201, {"id": asked.store.profiles.create(asked.body)["id"]}),
    },
    "/v1/profiles/*": {
        "GET": _profile,
        "PATCH": lambda asked: (
            200,
            {"id": asked.store.profiles.update(asked.ids[0], asked.body)["id"], "updated": True},
        ),
        "DELETE": _clear_profile,
    },
    "/v1/profiles/*/subscribe": {"POST": _state("subscribed")},
    "/v1/profiles/*/unsubscribe": {"POST": _state("unsubscribed")},
    "/v1/profiles/*/verify": {"POST": _verify(True), "DELETE": _verify(False)},
    "/v1/lists/*/profiles/*": {"POST": _membership(member=True), "DELETE": _membership(member=False)},
    **{path: _all(family) for path, family in FAMILIES.items()},
    **{f"{path}/*": _one(family) for path, family in FAMILIES.items()},
}

_FIXED = {path: methods for path, methods in ROUTES.items() if "*" not in path}
_PATTERNS: defaultdict[int, list[tuple[list[str], Methods]]] = defaultdict(list)
for _path, _methods in ROUTES.items():
    _PATTERNS[_path.count("/") + 1].append((_path.split("/"), _methods))
