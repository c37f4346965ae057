"""The profiles of the business: created or matched, changed, cleared, verified, listed and shown."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .draft import CONTACTS, Draft
from .forms import bracketed, is_object
from .refusal import Refusal, not_found, refuse
from .values import checked

if TYPE_CHECKING:
    from .store import Store

__all__ = ["Profiles"]

Object = dict[str, Any]


class Profiles:
    """Profiles by id, and who holds which value: no e-mail, phone or unique value has two holders."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._items: dict[str, Object] = {}
        self._holders: defaultdict[tuple[str, str], dict[str, None]] = defaultdict(dict)
        self._activity: dict[str, int] = {}
        self._turns = itertools.count()

    def __iter__(self) -> Iterator[Object]:
        return iter(self._items.values())

    def __len__(self) -> int:
        return len(self._items)

    def add(self, *, values: list[Object] | None = None, **fields: Any) -> Object:
        """A new profile, as given."""
        return self._keep(self._blank(**fields), values or [])

    def get(self, id: Any, parameter: str | None = None) -> Object:
        """The profile with this id, or 404."""
        found = self._items.get(id) if isinstance(id, str) else None
        if found is None:
            raise not_found(parameter)
        return found

    def touch(self, id: str) -> None:
        """Something happened with the profile."""
        self._activity[id] = next(self._turns)

    # Verbs.

    def create(self, body: Object) -> Object:
        """A new profile, or the one that has the same phone or e-mail, brought up to date."""
        return self._apply(self._match(body) or self._blank(), body)

    def update(self, id: str, body: Object) -> Object:
        """Change what is given of a profile."""
        return self._apply(self.get(id), body)

    def clear(self, id: str) -> Object:
        """Delete: the values go, the profile stays and comes back when it is subscribed."""
        profile = self._keep(self.get(id), [])
        profile.update(lists=[], first_name=None, last_name=None, state="unconfirmed")
        return profile

    def set_state(self, id: str, state: str) -> Object:
        """Subscribe or unsubscribe."""
        profile = self.get(id)
        profile["state"] = state
        self.touch(id)
        return profile

    def verify(self, id: str, body: Object, *, verified: bool) -> None:
        """Mark a contact of the profile as verified or not."""
        profile = self.get(id)
        kind = next((kind for kind in CONTACTS if kind in body), None)
        if kind is None:
            raise refuse("object_invalid", "phone")
        wanted = checked(kind, body[kind], kind)
        for value in profile["values"]:
            if (value["property"]["kind"], value["value"]) == (kind, wanted):
                value["verified"] = verified
                return
        raise not_found(kind)

    def sorted(self, by: str | None) -> list[Object]:
        """All profiles in one of the three orders."""
        every = list(self._items.values())
        if by in (None, "activity"):
            return sorted(every, key=lambda profile: -self._activity[profile["id"]])
        if by == "alphabetically":
            return sorted(every, key=lambda p: (str(p["last_name"] or ""), str(p["first_name"] or "")))
        if by == "created_at":
            return every[::-1]
        raise refuse("invalid", "sort", status=400)

    # Keeping.

    def _blank(self, **fields: Any) -> Object:
        head = self._store.fresh("profile", blocked=False, first_name=None, last_name=None, state="unconfirmed")
        return {**head, "reference": None, "lists": [], "values": [], **fields}

    def _apply(self, profile: Object, body: Object) -> Object:
        draft = Draft(self._store, profile)
        draft.read(body)
        for definition in draft.defined:
            definition["position"] = self._store.properties.bottom(definition["kind"])
            self._store.properties.add(definition)
        profile.update(draft.fields)
        if draft.lists is not None:
            profile["lists"] = list(dict.fromkeys(self._list(name) for name in draft.lists))
        if draft.session is not None:
            self._store.sessions[draft.session] = profile["id"]
        return self._keep(profile, draft.values)

    def _keep(self, profile: Object, values: list[Object]) -> Object:
        id = profile["id"]
        for value in profile["values"]:
            self._holders[_held(value)].pop(id, None)
        for value in values:
            self._holders[_held(value)][id] = None
        profile["values"] = values
        self._items[id] = profile
        self.touch(id)
        return profile

    def _list(self, name: str) -> str:
        """By id or name; the vendor's own plugin names lists that may not be there yet."""
        lists = self._store.lists
        found: str = (lists.find(name) or self._store.new(lists, name=name))["id"]
        return found

    def _match(self, body: Object) -> Object | None:
        for kind in CONTACTS:
            for given in bracketed(body, kind).values():
                for value in given.values() if is_object(given) else (given,):
                    holder = self._holder(kind, value)
                    if holder is not None:
                        return holder
        return None

    def _holder(self, kind: str, value: Any) -> Object | None:
        try:
            ids = self._holders.get((kind, repr(checked(kind, value, kind))), {})
        except Refusal:
            return None  # told in its place, when the body is read
        return next((self._items[id] for id in ids), None)

    def held_by_others(self, value: Object, profile: str) -> bool:
        """Whether a profile besides this one has the value."""
        return any(id != profile for id in self._holders.get(_held(value), ()))

    def drop_property(self, definition: Object) -> None:
        """A definition is deleted: its values go from every profile."""
        for profile in self._items.values():
            for value in profile["values"]:
                if value["property"] is definition:
                    self._holders[_held(value)].pop(profile["id"], None)
            profile["values"] = [value for value in profile["values"] if value["property"] is not definition]

    # Showing.

    def show(self, profile: Object) -> Object:
        """A profile as the API answers it."""
        values: list[Object] = profile["values"]
        contacts = {kind: [value for value in values if value["property"]["kind"] == kind] for kind in CONTACTS}
        every = {kind: [value["value"] for value in found] for kind, found in contacts.items()}
        sure = {kind: [value["value"] for value in found if value["verified"]] for kind, found in contacts.items()}
        return {
            "id": profile["id"],
            "type": "profile",
            "blocked": profile["blocked"],
            "created_at": profile["created_at"],
            "emails": every["email"],
            "first_name": profile["first_name"],
            "last_name": profile["last_name"],
            "lists": [self._store.lists.get(id) for id in profile["lists"]],
            "phones": every["phone"],
            "properties": [_entry(value) for value in values],
            "state": profile["state"],
            "verified_emails": sure["email"],
            "verified_phones": sure["phone"],
        }


def _held(value: Object) -> tuple[str, str]:
    """Contacts are unique over all properties of their kind, other values within their property."""
    definition = value["property"]
    return definition["kind"] if "verified" in value else definition["id"], repr(value["value"])


def _entry(value: Object) -> Object:
    definition = value["property"]
    shown = {"id": definition["id"], "kind": definition["kind"], "name": definition["name"], "value": value["value"]}
    if shown["kind"] == "address" and shown["name"] is None:
        del shown["name"]
    return {**shown, "verified": value["verified"]} if "verified" in value else shown
