"""The values that properties may have, by their kind."""

# What comes in is JSON of any shape.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
from __future__ import annotations

import re
from typing import Any

from .refusal import refuse

__all__ = ["KINDS", "checked", "is_empty", "phone_number"]

CREATABLE = ("address", "email", "phone", "checkbox", "date", "number", "tags", "text", "url")
KINDS = (*CREATABLE, "birthday", "company", "gender", "mercadolibre", "list")
IGNORE_UNIQUE = ("birthday", "checkbox", "date", "gender", "list", "tags")
COUNTRY = "+598"

_ADDRESS = (
    "city", "country", "latitude", "longitude", "notes", "postal_code", "region", "street", "subregion",
)  # fmt: skip


def is_empty(value: Any) -> bool:
    """Whether a value removes: nothing, an empty text (also as a shell leaves it), an empty object."""
    return value is None or value in ("", "''", {}, [])


def checked(kind: str, value: Any, parameter: str) -> Any:
    """`value` as a property of this kind keeps it."""
    check = _CHECKS.get(kind, _text)
    return check(value, parameter)


def phone_number(value: Any, parameter: str = "phone") -> str:
    """A phone number in E.164; a local one gets the country's prefix."""
    digits = re.sub(r"[\s().-]", "", str(value))
    if digits.startswith("00"):
        digits = "+" + digits[2:]
    if not digits.startswith("+"):
        digits = COUNTRY + digits.lstrip("0")
    if not re.fullmatch(r"\+\d{7,15}", digits):
        raise refuse("phone_number_invalid", parameter)
    return digits


def _email(value: Any, parameter: str) -> str:
    if isinstance(value, str) and re.fullmatch(r"[^@\s]+@[^@\s]+", value):
        return value
    raise refuse("invalid", parameter)


def _text(value: Any, parameter: str) -> str:
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        return str(value)
    raise refuse("invalid", parameter)


def _url(value: Any, parameter: str) -> str:
    if isinstance(value, str) and re.match(r"https?://", value):
        return value
    raise refuse("invalid", parameter)


def _checkbox(value: Any, parameter: str) -> bool:
    if isinstance(value, str):
        value = {"true": True, "1": True, "false": False, "0": False}.get(value.lower())
    if isinstance(value, bool):
        return value
    raise refuse("invalid", parameter)


def _number(value: Any, parameter: str) -> float:
    try:
        return value if isinstance(value, (int, float)) and not isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        raise refuse("invalid", parameter) from None


def _tags(value: Any, parameter: str) -> list[str]:
    if isinstance(value, str):
        return [tag.strip() for tag in value.split(",") if tag.strip()]
    if isinstance(value, list):
        return [str(tag) for tag in value]
    raise refuse("invalid", parameter)


def _day(value: Any, parameter: str) -> dict[str, int]:
    if isinstance(value, str) and (found := re.match(r"(\d{4})-(\d\d)-(\d\d)", value)):
        value = {"day": int(found[3]), "month": int(found[2]), "year": int(found[1])}
    if isinstance(value, dict) and {"day", "month"} <= value.keys() <= {"day", "month", "year"}:
        parts = {name: value[name] for name in ("day", "month", "year") if name in value}
        if all(isinstance(part, int) for part in parts.values()):
            return parts
    raise refuse("invalid", parameter)


def _address(value: Any, parameter: str) -> dict[str, Any]:
    if isinstance(value, str):
        return suggested(value)
    if isinstance(value, dict):
        return {name: value.get(name) for name in _ADDRESS}
    raise refuse("invalid", parameter)


def suggested(text: str) -> dict[str, Any]:
    """An address taken apart: street and number, city, region, country, as far as there are parts."""
    parts = [part.strip() for part in text.split(",")]
    street = re.fullmatch(r"(.*?)\s+(\d\S*)", parts[0])
    name, number = (street[1], street[2]) if street else (parts[0], None)
    rest = dict(zip(("city", "region", "country"), parts[1:], strict=False))
    return {**dict.fromkeys(_ADDRESS), **rest, "street": {"name": name, "number": number}}


_CHECKS: dict[str, Any] = {
    "address": _address, "birthday": _day, "checkbox": _checkbox, "date": _day, "email": _email, "number": _number,
    "phone": phone_number, "tags": _tags, "url": _url,
}  # fmt: skip
