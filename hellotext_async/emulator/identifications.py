"""Identification of visitors: a receipt at once, the profile behind the session after some polls.

The form is that of the vendor's JavaScript client: a POST that may answer an
``identification_receipt``, polled until 200 (done) or 422 (refused).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .collection import scalar
from .refusal import blank, missing, not_found
from .values import is_empty

if TYPE_CHECKING:
    from .store import Store

__all__ = ["identify", "poll"]

Object = dict[str, Any]
Answer = tuple[int, Any]


def identify(store: Store, body: Object) -> Answer:
    """Acknowledge an identification; without `identification_polls` it is done at once, with no receipt."""
    for name in ("session", "user_id"):
        if name not in body:
            raise missing(name)
        if is_empty(body[name]):
            raise blank(name)
    if store.identification_polls is None:
        _complete(store, body)
        return 200, {"status": "received"}
    receipt = store.ids.identifier()
    store.identifications[receipt] = body, store.identification_polls
    return 200, {"status": "received", "identification_receipt": receipt}


def poll(store: Store, receipt: str, headers: Mapping[str, str]) -> Answer:
    """How far an identification is; only for the session that it is about."""
    body, left = store.identifications.get(receipt, ({}, 0))
    if not body or headers.get("X-Hellotext-Session") != str(body["session"]):
        raise not_found("identification_receipt")
    if left > 0:
        store.identifications[receipt] = body, left - 1
        return 202, {"status": "processing"}
    _complete(store, body)
    return 200, {"status": "completed"}


def _complete(store: Store, body: Object) -> None:
    """The profile with this user id, phone or e-mail, else a new one, gets the session; 422 if that is another's."""
    session, user = str(body["session"]), scalar(body["user_id"])
    known = next((one["id"] for one in store.profiles if scalar(one.get("reference")) == user), None)
    fields = {name: body[name] for name in ("email", "phone") if not is_empty(body.get(name))}
    if known is not None:
        store.sessions.check_owner(session, known)
        store.profiles.update(known, fields)
    else:
        known = store.profiles.create({**fields, "reference": user, "first_name": body.get("name"), "session": session})
        known = known["id"]
    store.sessions[session] = known
