"""Find, then create or update: the steps that upserts have in common, and what is done about others at the same time.

Rules. Another program may create the same thing between our look and our create. A create that is
refused, or whose answer is lost, is followed by another look. After a create there is one more:
if an older one is there, ours goes. Two that create at the same moment thus keep one, if the API
finds the older of two that are alike (it does not say so). What cannot be undone: two at the same
moment, and the answer to one of the creates is lost: then one too many may stay.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Protocol, TypeVar

from .._wire.shapes import is_mapping
from ..errors import NotFound, OutcomeUnknown, ValidationFailed
from ._profile import Profile

__all__ = ["contacts_of", "find_or_create", "found", "has_contact", "is_taken"]


class _Identified(Protocol):
    @property
    def id(self) -> str: ...


_TAKEN: Final = frozenset({"parameter_not_unique", "identity_assigned", "identity_assigned_already"})
"""The API's words for it, over the years."""

T = TypeVar("T", bound=_Identified)


async def found(look: Awaitable[T]) -> T | None:
    """What `look` finds; None if it is NotFound."""
    try:
        return await look
    except NotFound:
        return None


async def find_or_create(
    find: Callable[[], Awaitable[T | None]],
    create: Callable[[], Awaitable[T]],
    drop: Callable[[str], Awaitable[object]],
) -> tuple[T, bool]:
    """The object, and whether it was created here; `drop` deletes the one of this id, which was made for nothing."""
    there = await find()
    if there is not None:
        return there, False
    try:
        made = await create()
    except (ValidationFailed, OutcomeUnknown):
        there = await find()
        if there is None:
            raise
        return there, False
    there = await find()
    if there is None or there.id == made.id:
        return made, True
    await drop(made.id)
    return there, False


def is_taken(refused: ValidationFailed) -> bool:
    """Whether it says that another profile has the contact."""
    return any(error.type in _TAKEN for error in refused.errors)


def contacts_of(fields: Mapping[str, Any]) -> set[str]:
    """Every phone and e-mail among the fields of a profile."""
    given = (fields.get("phone"), fields.get("email"))
    values = [each for value in given for each in (value.values() if is_mapping(value) else (value,))]
    return {value for value in values if isinstance(value, str) and value}


def has_contact(profile: Profile, contacts: set[str]) -> bool:
    """Whether one of these phones or e-mails is the profile's."""
    return not contacts.isdisjoint((*profile.phones, *profile.emails))
