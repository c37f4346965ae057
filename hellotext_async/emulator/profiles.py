"""The profiles of the business: created or matched, changed, cleared, verified, listed and shown."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from .draft import CONTACTS, Draft
from .forms import bracketed, is_object
from .refusal import Refusal, not_found, refuse
from .tables import Tables
from .values import checked

__all__ = ["Profiles"]

Object = dict[str, Any]


class Profiles:
    """Profiles by id. No two profiles have the same e-mail, phone or unique value."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._items: dict[str, Object] = {}
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
        """Count an activity of the profile."""
        self._activity[id] = next(self._turns)

    # Verbs.

    def create(self, body: Object) -> Object:
        """A new profile, or the one that has the same phone or e-mail, brought up to date."""
        return self._apply(self._find_existing(body) or self._blank(), body)

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
        head = self._tables.ids.fresh("profile", blocked=False, first_name=None, last_name=None, state="unconfirmed")
        return {**head, "reference": None, "lists": [], "values": [], **fields}

    def _apply(self, profile: Object, body: Object) -> Object:
        draft = Draft(self._tables, profile)
        draft.read(body)
        for definition in draft.defined:
            definition["position"] = self._tables.properties.bottom(definition["kind"])
            self._tables.properties.add(definition)
        profile.update(draft.fields)
        if draft.lists is not None:
            profile["lists"] = list(dict.fromkeys(self._list(name) for name in draft.lists))
        if draft.session is not None:
            self._tables.sessions[draft.session] = profile["id"]
        return self._keep(profile, draft.values)

    def _keep(self, profile: Object, values: list[Object]) -> Object:
        id = profile["id"]
        self._tables.holders.discard(profile["values"], id)
        self._tables.holders.add(values, id)
        profile["values"] = values
        self._items[id] = profile
        self.touch(id)
        return profile

    def _list(self, name: str) -> str:
        """By id or name; the vendor's own plugin names lists that may not be there yet."""
        lists = self._tables.lists
        found: str = (lists.find(name) or lists.add(self._tables.ids.fresh(lists.type, name=name)))["id"]
        return found

    def _find_existing(self, body: Object) -> Object | None:
        for kind in CONTACTS:
            for given in bracketed(body, kind).values():
                for value in given.values() if is_object(given) else (given,):
                    holder = self._holder(kind, value)
                    if holder is not None:
                        return holder
        return None

    def _holder(self, kind: str, value: Any) -> Object | None:
        try:
            id = self._tables.holders.of_contact(kind, checked(kind, value, kind))
        except Refusal:
            return None  # refused later, when the draft reads the body
        return None if id is None else self._items[id]

    def drop_property(self, definition: Object) -> None:
        """A definition is deleted: its values go from every profile."""
        for profile in self._items.values():
            dropped = [value for value in profile["values"] if value["property"] is definition]
            self._tables.holders.discard(dropped, profile["id"])
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
            "lists": [self._tables.lists.get(id) for id in profile["lists"]],
            "phones": every["phone"],
            "properties": [_entry(value) for value in values],
            "state": profile["state"],
            "verified_emails": sure["email"],
            "verified_phones": sure["phone"],
        }


def _entry(value: Object) -> Object:
    definition = value["property"]
    shown = {"id": definition["id"], "kind": definition["kind"], "name": definition["name"], "value": value["value"]}
    if shown["kind"] == "address" and shown["name"] is None:
        del shown["name"]
    return {**shown, "verified": value["verified"]} if "verified" in value else shown
