"""A draft of one profile: a body is checked against it first, and stored only if every parameter is valid.

A value is stored as ``{"property": its definition, "value": …}``, contacts with ``"verified"`` too.
The first value of a kind is its default.
"""

from __future__ import annotations

from typing import Any

from .forms import bracketed, is_array, is_object
from .refusal import refuse
from .tables import Tables
from .values import ADDRESS, KINDS, checked, is_empty

__all__ = ["CONTACTS", "NAMED", "Draft", "valid_name"]

Object = dict[str, Any]
CONTACTS = ("email", "phone")
NAMED = (*CONTACTS, "address")


class Draft:
    """`profile` as it would be. Reading a body changes only the draft."""

    def __init__(self, tables: Tables, profile: Object) -> None:
        self._tables = tables
        self._profile = profile
        self.values: list[Object] = [dict(value) for value in profile["values"]]
        self.fields: Object = {}
        self.defined: list[Object] = []
        self.lists: list[str] | None = None
        self.session: str | None = None

    def read(self, body: Object) -> None:
        """Apply the parameters of `body` to the draft, or refuse them."""
        for name in ("first_name", "last_name", "reference"):
            if name in body:
                self.fields[name] = _text(name, body[name])
        for kind in NAMED:
            for key, given in _by_name(kind, bracketed(body, kind)).items():
                self._set_named(kind, key, given)
        for base in ("property", "property_by_id"):
            for key, given in _by_name(base, bracketed(body, base)).items():
                if key is not None:
                    self._set(self._definition(base, key), given, f"{base}[{key}]")
                elif not is_empty(given):
                    raise refuse("invalid", base)
        for kind in KINDS:
            if kind in body and kind not in NAMED:
                self._set(self._definition("property", kind), body[kind], kind)
        if "lists" in body:
            self.lists = _names(body["lists"])
        if body.get("session"):
            self.session = str(body["session"])
            self._tables.sessions.check_owner(self.session, self._profile["id"])

    def _set_named(self, kind: str, key: str | None, given: Any) -> None:
        label = kind if key is None else f"{kind}[{key}]"
        if key is None:
            definition = self._default(kind, removing=is_empty(given))
        else:
            definition = self._named(kind, key, label, removing=is_empty(given))
        if definition is not None:
            self._set(definition, given, label)

    def _default(self, kind: str, *, removing: bool) -> Object | None:
        if removing:
            return next((value["property"] for value in self.values if value["property"]["kind"] == kind), None)
        properties = self._tables.properties
        return properties.called(None, self._profile["id"], kind) or properties.plain(kind)

    def _named(self, kind: str, key: str, label: str, *, removing: bool) -> Object | None:
        """By id or name; a name that this profile does not have yet becomes a property of its own."""
        for value in self.values:
            known: Object = value["property"]
            if known["kind"] == kind and key in (known["id"], known["name"]):
                return known
        properties, profile = self._tables.properties, self._profile["id"]
        found = properties.find(key) or properties.called(key, profile, kind)
        if found is not None:
            if found["kind"] != kind or found["profile"] not in (None, profile):
                raise refuse("not_found", label)
            return found
        if removing:
            return None
        if not valid_name(key):
            raise refuse("invalid", label)
        new = self._tables.ids.fresh("property", kind=kind, name=key, position=0, profile=profile, unique=False)
        self.defined.append(new)
        return new

    def _definition(self, base: str, key: str) -> Object:
        """The definition for ``property[name or kind]`` or ``property_by_id[id]``."""
        properties, profile = self._tables.properties, self._profile["id"]
        if base == "property_by_id":
            own = (value["property"] for value in self.values if value["property"]["id"] == key)
            found = next(own, None) or properties.find(key) or properties.plain_by_id(key)
        else:
            found = properties.called(key, profile)
            if found is None and key in KINDS:
                found = properties.called(None, profile, key) or properties.plain(key)
        if found is None or found["profile"] not in (None, profile):
            raise refuse("not_found", f"{base}[{key}]")
        return found

    def _set(self, definition: Object, given: Any, label: str) -> None:
        kind, contact = definition["kind"], definition["kind"] in CONTACTS
        place = next((at for at, value in enumerate(self.values) if value["property"] is definition), None)
        if is_empty(given):
            if place is not None:
                del self.values[place]
            return
        value = {"property": definition, "value": checked(kind, given, label)} | (
            {"verified": False} if contact else {}
        )
        if (contact or definition["unique"]) and self._tables.holders.held_by_others(value, self._profile["id"]):
            raise refuse("parameter_not_unique", label)
        if place is None:
            self.values.insert(self._place_of_new(definition), value)
        elif self.values[place]["value"] != value["value"]:
            self.values[place] = value

    def _place_of_new(self, definition: Object) -> int:
        """A nameless contact or address is the default: it comes before the named ones."""
        if definition["kind"] in NAMED and definition["name"] is None:
            for at, value in enumerate(self.values):
                if value["property"]["kind"] == definition["kind"]:
                    return at
        return len(self.values)


def valid_name(name: str) -> bool:
    """Whether a property may have this name: no digit first, no braces."""
    return name != "" and not name[0].isdecimal() and not set("{}") & set(name)


def _text(name: str, value: Any) -> Any:
    if is_empty(value):
        return None
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        return value
    raise refuse("invalid", name)


def _by_name(kind: str, given: dict[str | None, Any]) -> dict[str | None, Any]:
    """Values by name or id, the default one under None: also from an object of names, or of an address."""
    found: dict[str | None, Any] = {}
    for key, value in given.items():
        if key is None and is_object(value) and value and not (kind == "address" and _is_address(value)):
            found.update(value.items())
        else:
            found[key] = value
    if kind != "address":
        return found
    parts = {key: found.pop(key) for key in ADDRESS if key in found}  # a form's address[city]=…
    if "suggest" in found:
        found[None] = found.pop("suggest")
    elif parts:
        found[None] = parts
    return dict(sorted(found.items(), key=lambda item: item[0] is not None))


def _is_address(value: Object) -> bool:
    return any(name in ADDRESS for name in value)


def _names(given: Any) -> list[str]:
    if is_empty(given):
        return []
    names: list[Any] = given if is_array(given) else [given]
    if not all(isinstance(name, (str, int)) and str(name) for name in names):
        raise refuse("invalid", "lists")
    return [str(name) for name in names]
