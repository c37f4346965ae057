"""What to look for in the API to learn whether a request was applied: by its route, its body and its time.

Rules. An object is evidence of a create if it has what identifies it (a reference, a code, a name,
a contact; of a message its receiver and its content) and was made since the request was sent. Of an
event only ``order.placed`` leaves something that is its own, an order that it describes; an absent
object proves of any event that it was not applied. What can be repeated without harm is not looked up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from .._wire.call import EVENTS_PATH
from .._wire.codec import Answer
from .._wire.shapes import is_object
from ..errors import Asked
from ._profile import Profile
from ._verbs import Pages
from .actions import Actions
from .apps import Apps
from .carts import Carts
from .coupons import Coupons
from .lists import ProfileLists
from .messages import Message, Messages
from .objects import Objects
from .orders import Orders
from .products import Products
from .profiles import Profiles
from .properties import Properties
from .templates import Templates

__all__ = ["Question", "Unanswerable", "keys_of", "question_of"]

Body = Mapping[str, Any]
Collection = type[Pages[Any]]

_IDENTIFIED_BY: Final[dict[Collection, tuple[tuple[str, ...], ...]]] = {
    Actions: (("name",),),
    Apps: (("name",),),
    Carts: (("reference", "source"),),
    Coupons: (("code",),),
    ProfileLists: (("name",),),
    Objects: (("name",),),
    Orders: (("reference", "source"),),
    Products: (("reference", "source"), ("sku",)),
    Properties: (("name", "kind", "profile"),),
    Templates: (("name",),),
}
"""The fields that distinguish one object of a collection from another; the first of them must be there."""

_ALL: Final[tuple[Collection, ...]] = (*_IDENTIFIED_BY, Messages, Profiles)
_BY_PATH: Final = {collection.path: collection for collection in _ALL}
_OF_EVENTS: Final[dict[str, Collection]] = {
    "app": Apps, "cart": Carts, "coupon": Coupons, "order": Orders, "product": Products,
}  # fmt: skip
_MESSAGE: Final = ("technology", "profile", "destination", "origin")


class Unanswerable(Exception):
    """The API has no answer to this; the text says why."""


class Question(NamedTuple):
    """What to look for: in which collection, under which key, with which fields, and since when it counts.

    With `own` an object that is found proves that the request was applied; without it, only its
    absence proves anything. An `event` finds the object that is there or makes it. `whole` says that
    the request set nothing that is not compared.
    """

    collection: Collection
    key: str
    fields: Body
    since: float
    own: bool = True
    event: bool = False
    whole: bool = False

    def matches(self, item: Answer) -> bool:
        """Whether every field that both have is the same. A profile is the one with the contact, whatever its name."""
        return isinstance(item, Profile) or self.agrees(item)

    def agrees(self, item: Answer) -> bool:
        """Whether every field that both have is the same."""
        pairs = [(value, getattr(item, name, None)) for name, value in self.fields.items()]
        return all(theirs is None or str(ours) == str(theirs) for ours, theirs in pairs)


def keys_of(collection: Collection, item: Answer) -> Iterator[str]:
    """What `item` may be looked up under."""
    if isinstance(item, Profile):
        yield from (f"contact {contact}" for contact in (*item.phones, *item.emails))
    elif isinstance(item, Message):
        yield from _contents(item.body, item.template)
    else:
        yield from (f"{name} {getattr(item, name, None)}" for name, *_ in _IDENTIFIED_BY[collection])


def question_of(asked: Asked) -> Question:
    """The question that is to be asked instead; Unanswerable if there is none."""
    body = _body(asked.body)
    if asked.method != "POST":
        raise Unanswerable("it may be repeated without harm")
    if asked.path == EVENTS_PATH:
        return _of_event(body, asked.since)
    collection = _BY_PATH.get(asked.path)
    if collection is None:
        raise Unanswerable("no list of the API shows its effect")
    if collection is Profiles:
        return _of_profile(body, asked.since)
    if collection is Messages:
        return _of_message(body, asked.since)
    return _of_object(collection, body, asked.since)


def _body(raw: bytes | None) -> dict[str, Any]:
    try:
        found: Any = msgspec.json.decode(raw or b"{}")
    except msgspec.DecodeError:
        found = None
    if not is_object(found):
        raise Unanswerable("its body is not at hand")
    return found


def _of_object(collection: Collection, body: Body, since: float) -> Question:
    for names in _IDENTIFIED_BY[collection]:
        if body.get(names[0]) is not None:
            fields = {name: body[name] for name in names if body.get(name) is not None}
            return Question(collection, f"{names[0]} {body[names[0]]}", fields, since)
    raise Unanswerable("it has nothing that identifies it: " + " or ".join(n[0] for n in _IDENTIFIED_BY[collection]))


def _of_event(body: Body, since: float) -> Question:
    action = str(body.get("action"))
    kind = action.partition(".")[0]
    described = body.get(f"{kind}_parameters") or body.get("object_parameters")
    if kind not in _OF_EVENTS or not is_object(described):
        raise Unanswerable("the API shows no events, and this one makes no object that it shows")
    return _of_object(_OF_EVENTS[kind], described, since)._replace(own=action == "order.placed", event=True)


def _of_profile(body: Body, since: float) -> Question:
    contacts = [str(value) for name, value in body.items() if name.partition("[")[0] in ("phone", "email") and value]
    comparable = [value for value in contacts if value.startswith("+") or "@" in value]
    if not comparable:
        raise Unanswerable("it has no e-mail, and no phone in e164 form")
    names = {name: body[name] for name in ("first_name", "last_name") if body.get(name)}
    whole = len(contacts) == 1 and len(body) == len(names) + 1
    return Question(Profiles, f"contact {comparable[0]}", names, since, whole=whole)


def _of_message(body: Body, since: float) -> Question:
    template = body.get("template")
    key = next(iter(_contents(None if template else body.get("body"), template)), None)
    if key is None:
        raise Unanswerable("it has neither a body nor a template")
    return Question(Messages, key, {name: body[name] for name in _MESSAGE if body.get(name) is not None}, since)


def _contents(text: str | None, template: Any) -> Iterator[str]:
    """What a message says, as a key."""
    if template:
        yield f"template {template.get('id') if is_object(template) else template}"
    elif text is not None:
        yield f"text {text}"
