"""Messages, which are received first and sent later, and the templates that they may be made from."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .forms import is_array, is_object
from .refusal import blank, refuse
from .values import is_empty, phone_number

if TYPE_CHECKING:
    from .store import Store

__all__ = ["TECHNOLOGIES", "check_template", "send"]

Object = dict[str, Any]
TECHNOLOGIES = ("sms", "whatsapp", "instagram", "mercadolibre")
_LINK = re.compile(r"\{shortlink:([A-Za-z_]\w*)\}")


def send(store: Store, body: Object) -> None:
    """Take a message in; it stays pending for ever, since nothing leaves here."""
    if body.get("technology") not in (None, *TECHNOLOGIES):
        raise refuse("invalid", "technology")
    template = body.get("template")
    text = body.get("body") if is_empty(template) else _rendered(store, template)
    if is_empty(text):
        raise blank("body") if "body" in body else refuse("object_invalid", "body")
    attachments = body.get("attachments")
    store.new(
        store.messages,
        state="pending",
        technology=body.get("technology"),
        profile=_profile(store, body),
        destination=body.get("destination"),
        origin=body.get("origin"),
        body=text,
        template=template.get("id") if is_object(template) else template,
        attachments=attachments if is_array(attachments) else [],
    )


def _profile(store: Store, body: Object) -> str:
    """The profile given, else the one that has the number, else a new one."""
    if not is_empty(body.get("profile")):
        found: str = store.profiles.get(body["profile"], "profile")["id"]
        return found
    if is_empty(body.get("destination")):
        raise refuse("object_invalid", "destination")
    made: str = store.profiles.create({"phone": phone_number(body["destination"], "destination")})["id"]
    return made


def _rendered(store: Store, template: Any) -> str:
    id, links = (template.get("id"), template.get("shortlinks")) if is_object(template) else (template, None)
    found = store.templates.find(id)
    if found is None:
        raise refuse("not_found", "template")
    given = links if is_object(links) else {}
    for name in _LINK.findall(found["body"]):
        if is_empty(given.get(name)):
            raise refuse("parameter_missing", f"template[shortlinks][{name}]")
    return _LINK.sub(lambda link: str(given[link[1]]), found["body"])


def check_template(store: Store, fields: Object, item: Object | None) -> None:
    """An SMS has a body only, and needs no approval; a WhatsApp template keeps its name."""
    technology = fields.get("technology") or "any"
    if technology == "sms":
        for name in ("header", "footer", "buttons"):
            if not is_empty(fields.get(name)):
                raise refuse("invalid", name)
    if item is not None and technology != "sms":
        fields.pop("name", None)
    fields["state"] = "approved" if technology == "sms" else "pending"
