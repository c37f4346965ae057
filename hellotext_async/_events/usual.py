"""The quick look at an event: enough for nearly all of them, at a third of the cost.

Rules. An event of plain values becomes a struct, whose types msgspec checks; None means that it
needs the closer look, which decides and names the parameter.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, Meta, UnsetType

from .fields import IDS, MAPPINGS, MILLISECONDS, TEXTS, EventFields

__all__ = ["usual"]

_Text = Annotated[str, Meta(min_length=1)]
_Id = Annotated[str, Meta(min_length=1, max_length=64)]
_Int = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]  # no bound may be larger; the closer look takes the rest
_Finite = Annotated[float, Meta(ge=-sys.float_info.max, le=sys.float_info.max)]
_TYPES: Final[dict[str, Any]] = {
    **dict.fromkeys(IDS, _Id),
    **dict.fromkeys(TEXTS, _Text),
    **dict.fromkeys(MAPPINGS, dict[str, str | _Int | _Finite | bool]),
    "amount": _Int | _Finite,
    "tracked_at": Annotated[int, Meta(lt=MILLISECONDS)],
}

_Usual: Final = msgspec.defstruct(
    "_Usual",
    [
        ("action", str | UnsetType, UNSET),
        *((name, _TYPES[name] | UnsetType, UNSET) for name in EventFields.__annotations__ if name in _TYPES),
    ],
    forbid_unknown_fields=True,
    gc=False,
)


def usual(action: Any, fields: Mapping[str, Any]) -> Any:
    """The body of an event whose every value is plainly right, without what is ours; None if it must be looked at."""
    try:
        body: Any = msgspec.convert(fields, _Usual)
    except Exception:  # text that UTF-8 cannot carry is no ValidationError
        return None
    for name in fields:
        if name in IDS and not ((value := fields[name]).isalnum() and value.isascii()):
            return None
    if body.action is not UNSET or not action or type(action) is not str:
        return None
    if (body.profile is UNSET and body.session is UNSET) or (body.amount is UNSET and body.currency is not UNSET):
        return None
    body.action = action
    body.event_id = body.order_key = UNSET
    return body
