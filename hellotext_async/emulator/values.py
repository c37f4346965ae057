"""The values that properties may have, by their kind."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import date
from typing import Any

from .forms import is_array, is_object
from .refusal import refuse

__all__ = ["ADDRESS", "CREATABLE", "KINDS", "checked", "finite", "is_empty", "phone_number", "suggested", "truth"]

CREATABLE = ("address", "email", "phone", "checkbox", "date", "number", "tags", "text", "url")
KINDS = (*CREATABLE, "birthday", "company", "gender", "mercadolibre", "list")
ADDRESS = (
    "city", "country", "latitude", "longitude", "notes", "postal_code", "region", "street", "subregion",
)  # fmt: skip
_Check = Callable[[Any, str], Any]
COUNTRY = "+598"
"""The business's country prefix."""


def is_empty(value: Any) -> bool:
    """Whether a value removes: nothing, an empty text, object or list; also as a curl writes them in a form."""
    return value is None or value in ("", "''", "{}", "[]", {}, [])


def checked(kind: str, value: Any, parameter: str) -> Any:
    """`value` as a property of this kind keeps it."""
    check: _Check = _CHECKS.get(kind, _text)
    return check(value, parameter)


def finite(value: Any) -> bool:
    """Whether it is a number, in JSON's way or a form's."""
    try:
        return isinstance(value, (int, float, str)) and not isinstance(value, bool) and math.isfinite(float(value))
    except (ValueError, OverflowError):
        return False


def truth(value: Any, parameter: str) -> bool:
    """Yes or no, in JSON's way or a form's."""
    if isinstance(value, str):
        value = {"true": True, "1": True, "false": False, "0": False}.get(value.lower())
    if isinstance(value, bool):
        return value
    raise refuse("invalid", parameter)


def phone_number(value: Any, parameter: str = "phone") -> str:
    """A phone number in E.164; a local one gets the country's prefix."""
    digits = re.sub(r"[\s().-]", "", value if isinstance(value, str) else str(value))
    if digits.startswith("00"):
        digits = "+" + digits[2:]
    if not digits.startswith("+"):
        digits = COUNTRY + digits.lstrip("0")
    if not re.fullmatch(r"\+[0-9]{7,15}", digits):
        raise refuse("phone_number_invalid", parameter)
    return digits


def suggested(text: str) -> dict[str, Any]:
    """An address taken apart: street and number, city, region, country, as far as there are parts."""
    first, *others = [part.strip() for part in text.split(",")]
    street, _, number = first.rpartition(" ")
    if not (street and number[:1].isdecimal()):
        street, number = first, ""
    rest = dict(zip(("city", "region", "country"), others, strict=False))
    return {**dict.fromkeys(ADDRESS), **rest, "street": {"name": street.strip(), "number": number or None}}


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


def _number(value: Any, parameter: str) -> float:
    if finite(value):
        return float(value) if isinstance(value, str) else value
    raise refuse("invalid", parameter)


def _tags(value: Any, parameter: str) -> list[str]:
    if isinstance(value, str):
        return [tag.strip() for tag in value.split(",") if tag.strip()]
    if is_array(value):
        return [_text(tag, parameter) for tag in value]
    raise refuse("invalid", parameter)


def _day(value: Any, parameter: str) -> dict[str, int]:
    """Day, month and year; also as ``1985-11-03``, and in a form's texts. A birthday's year may be unknown."""
    if isinstance(value, str):
        value = dict(zip(("year", "month", "day"), value[:10].split("-"), strict=False))
    if not is_object(value) or not {"day", "month"} <= value.keys() <= {"day", "month", "year"}:
        raise refuse("invalid", parameter)
    try:
        parts = {name: int(value[name]) for name in ("day", "month", "year") if value.get(name) is not None}
        date(parts.get("year", 2000), parts["month"], parts["day"])
    except (KeyError, TypeError, ValueError, OverflowError):
        raise refuse("invalid", parameter) from None
    return parts


def _address(value: Any, parameter: str) -> dict[str, Any]:
    if isinstance(value, str):
        return suggested(value)
    if is_object(value):
        return {name: value.get(name) for name in ADDRESS}
    raise refuse("invalid", parameter)


_CHECKS: dict[str, _Check] = {
    "address": _address, "birthday": _day, "checkbox": truth, "date": _day, "email": _email, "number": _number,
    "phone": phone_number, "tags": _tags, "url": _url,
}  # fmt: skip
