"""Profiles and the values of their properties: how they are set, removed, promoted, matched and shown."""

# What comes in is JSON of any shape.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .forms import bracketed
from .refusal import missing, not_found, refuse
from .values import IGNORE_UNIQUE, KINDS, checked, is_empty, phone_number

if TYPE_CHECKING:
    from .store import Store

__all__ = ["Profiles"]

Profile = dict[str, Any]
CONTACTS = ("email", "phone")
NAMED = (*CONTACTS, "address")


class Profiles:
    """The profiles of the business. A profile's values are a list; the first of a kind is its default."""

    type, key = "profile", "profiles"

    def __init__(self, store: Store) -> None:
        self._store = store
        self._items: dict[str, Profile] = {}
        self._activity: dict[str, int] = {}
        self._turn = 0

    def __iter__(self) -> Iterator[Profile]:
        return iter(self._items.values())

    def __len__(self) -> int:
        return len(self._items)

    def add(self, **fields: Any) -> Profile:
        """A new, empty profile."""
        profile: Profile = {
            "id": self._store.identifier(), "type": "profile", "blocked": False, "created_at": int(self._store.now()),
            "first_name": None, "last_name": None, "state": "unconfirmed", "reference": None, "lists": [], "values": [],
            **fields,
        }  # fmt: skip
        self._items[profile["id"]] = profile
        self.touch(profile["id"])
        return profile

    def get(self, id: Any, parameter: str | None = None) -> Profile:
        """The profile with this id, or 404."""
        found = self._items.get(id) if isinstance(id, str) else None
        if found is None:
            raise not_found(parameter)
        return found

    def touch(self, id: str) -> None:
        """Something happened with the profile."""
        self._turn += 1
        self._activity[id] = self._turn

    # Verbs.

    def create(self, body: dict[str, Any]) -> Profile:
        """A new profile, or the one that has the same phone or e-mail, brought up to date."""
        found = self._match(body)
        profile = found or self.add()
        try:
            self._apply(profile, body)
        except Exception:
            if found is None:
                del self._items[profile["id"]]
            raise
        return profile

    def update(self, id: str, body: dict[str, Any]) -> Profile:
        """Change what is given of a profile."""
        profile = self.get(id)
        self._apply(profile, body)
        return profile

    def clear(self, id: str) -> Profile:
        """Delete: the values go, the profile stays and comes back when it is subscribed."""
        profile = self.get(id)
        profile.update(values=[], lists=[], first_name=None, last_name=None, state="unconfirmed")
        return profile

    def verify(self, id: str, body: dict[str, Any], *, verified: bool) -> None:
        """Mark a contact as verified or not."""
        profile = self.get(id)
        for kind in CONTACTS:
            if kind in body:
                wanted = phone_number(body[kind]) if kind == "phone" else body[kind]
                for value in profile["values"]:
                    if value["kind"] == kind and value["value"] == wanted:
                        value["verified"] = verified
                        return
                raise not_found(kind)
        raise missing("phone")

    def sorted(self, by: str | None) -> list[Profile]:
        """All profiles in one of the three orders."""
        every = list(self._items.values())
        if by in (None, "activity"):
            return sorted(every, key=lambda profile: -self._activity[profile["id"]])
        if by == "alphabetically":
            return sorted(every, key=lambda p: (p["last_name"] or "", p["first_name"] or ""))
        if by == "created_at":
            return every[::-1]
        raise refuse("invalid", "sort", status=400)

    # Setting values.

    def _match(self, body: dict[str, Any]) -> Profile | None:
        for kind in CONTACTS:
            for value in bracketed(body, kind).values():
                if isinstance(value, str) and value:
                    wanted = phone_number(value) if kind == "phone" else value
                    for profile in self._items.values():
                        if any(v["kind"] == kind and v["value"] == wanted for v in profile["values"]):
                            return profile
        return None

    def _apply(self, profile: Profile, body: dict[str, Any]) -> None:
        values = [dict(value) for value in profile["values"]]
        for name in ("first_name", "last_name", "reference"):
            if name in body:
                profile[name] = None if is_empty(body[name]) else body[name]
        for kind in NAMED:
            self._set_named(profile, values, kind, body)
        self._set_properties(profile, values, body)
        if "lists" in body:
            profile["lists"] = self._lists(body["lists"])
        if body.get("session"):
            self._store.attach(str(body["session"]), profile["id"])
        profile["values"] = values
        self.touch(profile["id"])

    def _set_named(self, profile: Profile, values: list[Any], kind: str, body: dict[str, Any]) -> None:
        for key, given in bracketed(body, kind).items():
            if kind == "address" and key == "suggest":
                key = None
            if isinstance(given, dict) and kind != "address":
                for name, value in given.items():
                    self._set(profile, values, kind, name, value)
            else:
                self._set(profile, values, kind, key, given)

    def _set(self, profile: Profile, values: list[Any], kind: str, key: str | None, given: Any) -> None:
        label = kind if key is None else f"{kind}[{key}]"
        place = self._place(values, kind, key)
        if is_empty(given):
            if place is not None:
                del values[place]
            return
        value = checked(kind, given, label)
        if kind in CONTACTS and self._held_by_another(profile, kind, value):
            raise refuse("parameter_not_unique", label)
        if place is not None:
            values[place].update(value=value)
            return
        if key is not None:
            self._define(kind, key, profile["id"])
        new = {"id": self._store.identifier(), "kind": kind, "name": key, "value": value}
        values.append(new | ({"verified": False} if kind in CONTACTS else {}))

    def _place(self, values: list[Any], kind: str, key: str | None) -> int | None:
        for place, value in enumerate(values):
            if value["kind"] == kind and (key is None or key in (value["id"], value["name"])):
                return place
        return None

    def _held_by_another(self, profile: Profile, kind: str, value: Any) -> bool:
        return any(
            other["id"] != profile["id"] and any(v["kind"] == kind and v["value"] == value for v in other["values"])
            for other in self._items.values()
        )

    def _define(self, kind: str, name: str, profile: str) -> None:
        """A named contact is a property of this one profile, made when it is first used."""
        known = (p for p in self._store.properties if (p["kind"], p["name"], p["profile"]) == (kind, name, profile))
        if next(known, None) is None:
            place = 1 + sum(p["kind"] == kind for p in self._store.properties)
            fields = {"kind": kind, "name": name, "position": place, "profile": profile, "unique": False}
            self._store.new(self._store.properties, **fields)

    def _set_properties(self, profile: Profile, values: list[Any], body: dict[str, Any]) -> None:
        given: dict[str, Any] = {}
        for base in ("property", "property_by_id"):
            for key, value in bracketed(body, base).items():
                given |= value if key is None and isinstance(value, dict) else {str(key): value}
        given |= {kind: body[kind] for kind in KINDS if kind in body and kind not in NAMED}
        for key, value in given.items():
            self._set_property(profile, values, key, value)

    def _set_property(self, profile: Profile, values: list[Any], key: str, given: Any) -> None:
        definition = self._definition(key)
        label = f"property[{key}]"
        kind, name = definition["kind"], definition["name"]
        place = next((i for i, v in enumerate(values) if v.get("property") == definition["id"] or v["id"] == key), None)
        if is_empty(given):
            if place is not None:
                del values[place]
            return
        value = checked(kind, given, label)
        if definition["unique"] and kind not in IGNORE_UNIQUE and self._held_by_another(profile, kind, value):
            raise refuse("parameter_not_unique", label)
        if place is not None:
            values[place]["value"] = value
        else:
            new = {"id": self._store.identifier(), "kind": kind, "name": name, "value": value}
            values.append({**new, "property": definition["id"]})

    def _definition(self, key: str) -> dict[str, Any]:
        properties = self._store.properties
        found = properties.find(key) or next((p for p in properties if p["name"] == key), None)
        if found is not None:
            return found
        if key in KINDS:
            return {"id": key, "kind": key, "name": None, "unique": False}
        raise refuse("not_found", f"property[{key}]")

    def _lists(self, given: Any) -> list[str]:
        if isinstance(given, str):
            given = [given] if given else []
        if not isinstance(given, list):
            raise refuse("invalid", "lists")
        found: list[str] = []
        for name in given:
            one = self._store.lists.find(name) or self._store.new(self._store.lists, name=str(name))
            if one["id"] not in found:
                found.append(one["id"])
        return found

    def drop_property(self, definition: dict[str, Any]) -> None:
        """A property's definition is deleted: it goes from every profile."""
        for profile in self._items.values():
            profile["values"] = [
                v
                for v in profile["values"]
                if v.get("property") != definition["id"]
                and (v["kind"], v["name"], profile["id"])
                != (definition["kind"], definition["name"], definition["profile"])
            ]

    # Showing.

    def show(self, profile: Profile) -> dict[str, Any]:
        """A profile as the API answers it."""
        values = profile["values"]
        contacts = {kind: [v["value"] for v in values if v["kind"] == kind] for kind in CONTACTS}
        sure = {kind: [v["value"] for v in values if v["kind"] == kind and v.get("verified")] for kind in CONTACTS}
        lists = (self._store.lists.find(id) for id in profile["lists"])
        return {
            "id": profile["id"],
            "type": "profile",
            "blocked": profile["blocked"],
            "created_at": profile["created_at"],
            "emails": contacts["email"],
            "first_name": profile["first_name"],
            "last_name": profile["last_name"],
            "lists": [one for one in lists if one is not None],
            "phones": contacts["phone"],
            "properties": [_entry(value) for value in values],
            "state": profile["state"],
            "verified_emails": sure["email"],
            "verified_phones": sure["phone"],
        }


def _entry(value: dict[str, Any]) -> dict[str, Any]:
    shown = {key: value[key] for key in ("id", "kind", "name", "value")}
    if value["kind"] in CONTACTS:
        shown["verified"] = bool(value.get("verified"))
    if value["kind"] == "address" and value["name"] is None:
        del shown["name"]
    return shown
