"""How the API says no: a status and the entries of its ``errors``."""

from __future__ import annotations

from typing import Any

__all__ = ["Refusal", "blank", "missing", "not_found", "refuse"]


class Refusal(Exception):
    """An answer that is not a success."""

    def __init__(self, status: int, *errors: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.headers = headers or {}
        self.body = {"errors": list(errors)}


_MESSAGES = {
    "fault": "A fault was asked for.",
    "rate_limited": "Too many requests.",
    "too_large": "The body is too large.",
    "ambiguous_parameter": "Only one of these parameters can be given.",
    "invalid": "This value is not acceptable.",
    "not_found": "There is no such object.",
    "object_invalid": "One of the alternative parameters is required.",
    "parameter_invalid_empty": "This parameter must not be empty.",
    "parameter_missing": "This parameter is required.",
    "parameter_not_unique": "This value is taken by another object.",
    "phone_number_invalid": "This is not a phone number.",
}


def refuse(
    kind: str, parameter: str | None = None, *, status: int = 422, headers: dict[str, str] | None = None
) -> Refusal:
    """A refusal with one entry."""
    return Refusal(
        status, {"type": kind, "message": _MESSAGES.get(kind, kind), "parameter": parameter}, headers=headers
    )


def missing(parameter: str) -> Refusal:
    """A required parameter was not given."""
    return refuse("parameter_missing", parameter)


def blank(parameter: str) -> Refusal:
    """A required parameter was given without a value."""
    return refuse("parameter_invalid_empty", parameter)


def not_found(parameter: str | None = None) -> Refusal:
    """Nothing has this id or name."""
    return refuse("not_found", parameter, status=404)
