"""Identification of a visitor, which the API acknowledges first and completes later.

Source: the vendor's JavaScript client. A POST is answered with a receipt (older servers: with any
body), and the receipt is polled: 202 while it goes on, 200 when it is done, 422 if it is refused.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Final
from uuid import UUID

from .._wire.call import Call, Headers, Sends
from .._wire.codec import Answer
from .._wire.params import name_segment, plain
from ..errors import InvalidParameter, NotSent, OutcomeUnknown, RateLimited, ServerError

__all__ = ["Identified", "deadline_of", "identified", "user_of"]

_PATH: Final = "/v1/public/identifications"
_PAUSES: Final = (0, 0.1, 0.25, 0.5, 1, 2, 4, 8)
"""Seconds before each poll, as the vendor's client has them; the last one goes on until the deadline."""


class Identified(Answer, frozen=True, kw_only=True):
    """The end of an identification: `status` is ``completed``, or ``received`` from servers that give no receipt."""

    status: str = ""
    identification_receipt: str | None = None


@asynccontextmanager
async def deadline_of(seconds: float) -> AsyncGenerator[None, None]:
    """What is not done by then ends in OutcomeUnknown."""
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not seconds > 0:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidParameter("deadline", "expected seconds above 0")
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise OutcomeUnknown("not completed before the deadline") from None


def user_of(value: object) -> str:
    """A user's id as text; InvalidParameter for what is neither text nor a whole number, such as None."""
    given = plain(value, "user_id")
    if isinstance(given, (str, int, UUID)) and not isinstance(given, bool) and given != "":
        return str(given)
    raise InvalidParameter("user_id", "expected text that is not empty, or a whole number")


async def identified(sends: Sends, business_id: str, session: str, body: Mapping[str, str]) -> Identified:
    """The end of an identification that `body` asks for; it is authorized by the business's public id."""
    own: Headers = (("Authorization", f"Bearer {business_id}"),)
    answer = await sends.send(Call("POST", _PATH, Identified, "idempotent", body=body, lenient=True, headers=own))
    if answer.identification_receipt is None:
        return answer
    path = f"{_PATH}/{name_segment(answer.identification_receipt)}"
    own = (*own, ("X-Hellotext-Session", session))
    return await _completed(sends, Call("GET", path, Identified, "safe", lenient=True, headers=own))


async def _completed(sends: Sends, poll: Call[Identified]) -> Identified:
    polls = 0
    while True:
        await sends.pause(_PAUSES[min(polls, len(_PAUSES) - 1)])
        polls += 1
        try:
            answer = await sends.send(poll)
        except (RateLimited, ServerError, NotSent, OutcomeUnknown):
            continue
        if answer.response is None or answer.response.status != 202:
            return answer
