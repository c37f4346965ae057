"""Sessions: their profile, and identification that is acknowledged first and completed later."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, TypeVar
from uuid import UUID

import pytest

from hellotext_async._wire.call import Call, Reply
from hellotext_async._wire.reply import error_of
from hellotext_async.errors import InvalidParameter, OutcomeUnknown, SessionConflict, ValidationFailed
from hellotext_async.resources.sessions import Sessions
from tests.harness.clock import virtual_time
from tests.unit.recording import Recording

T = TypeVar("T")


class Scripted(Recording):
    """A double that returns statuses too, and records the time of each call."""

    def __init__(self, *replies: tuple[int, Any]) -> None:
        super().__init__(
            *(Reply(status, body=b"" if body is None else json.dumps(body).encode()) for status, body in replies)
        )
        self.times: list[float] = []

    async def send(self, call: Call[T], /) -> T:
        self.times.append(asyncio.get_running_loop().time())
        reply: Any = self.replies[0]
        if reply.status >= 400:
            self.calls.append(call)
            self.replies.popleft()
            raise error_of(reply)
        return await super().send(call)


async def test_a_session_is_attached_to_its_profile() -> None:
    """The answer names the profile, or in a form that cannot be compared."""
    for fields in ({"profile": "MzYwlE50"}, {"profile": None}, {"profile": 12345}, {"profile_id": "MzYwlE50"}, {}):
        sends = Recording({"id": "2KAGgAgm", **fields})
        session = await Sessions(sends).attach("2KAGgAgm", profile="MzYwlE50")
        assert session.id == "2KAGgAgm"
        assert (sends.asked, sends.body) == ([("PATCH", "/v1/sessions/2KAGgAgm")], {"profile": "MzYwlE50"})
        assert sends.calls[0].idempotency == "idempotent"


@pytest.mark.parametrize("fields", [{"profile": "another1"}, {"profile": None, "profile_id": "another1"}])
async def test_an_answer_that_names_another_profile_is_a_conflict(fields: dict[str, Any]) -> None:
    """A 2xx does not prove that it was attached."""
    with pytest.raises(SessionConflict) as caught:
        await Sessions(Recording({"id": "s", **fields})).attach("s", profile="MzYwlE50")
    assert (caught.value.session, caught.value.profile, caught.value.owner) == ("s", "MzYwlE50", "another1")
    assert str(caught.value) == "session s belongs to another1, not to MzYwlE50"


async def test_a_refusal_of_the_session_is_the_same_conflict() -> None:
    """An error about another parameter is unchanged."""
    for name, kind in (("session", SessionConflict), ("profile", ValidationFailed)):
        sends = Scripted((422, {"errors": [{"type": "invalid", "parameter": name}]}))
        with pytest.raises(kind):
            await Sessions(sends).attach("s", profile="MzYwlE50")


async def test_ids_are_checked_by_their_names() -> None:
    """Before anything is sent."""
    sends = Recording()
    for session, profile, name in (("a/b", "p", "session"), ("", "p", "session"), ("s", "", "profile")):
        with pytest.raises(InvalidParameter) as caught:
            await Sessions(sends).attach(session, profile=profile)
        assert caught.value.parameter == name
    with pytest.raises(InvalidParameter) as caught:
        await Sessions(sends).identify("s", "u")
    assert caught.value.parameter == "business_id"
    for wrong in (0, -1, float("nan"), None, "5", True, timedelta(seconds=5), Decimal(5)):
        with pytest.raises(InvalidParameter) as caught:
            await Sessions(sends, "biz").identify("s", "u", deadline=wrong)  # type: ignore[arg-type]
        assert caught.value.parameter == "deadline"
    assert not sends.calls


@pytest.mark.parametrize("wrong", [None, True, 1.5, float("nan"), "", b"7", ["7"], {}, object()])
async def test_a_user_is_text_or_a_whole_number(wrong: Any) -> None:
    """A visitor does not become the user "None", whom others would become too; nothing is sent."""
    sends = Recording()
    with pytest.raises(InvalidParameter) as caught:
        await Sessions(sends, "biz").identify("s", wrong)
    assert caught.value.parameter == "user_id"
    assert not sends.calls


class User(str, Enum):  # noqa: UP042
    """Text that is an enum: its `str()` is `User.ANA`."""

    ANA = "ana"


@pytest.mark.parametrize(
    ("user", "sent"), [("ana", "ana"), (7, "7"), (User.ANA, "ana"), (UUID(int=7), str(UUID(int=7)))]
)
async def test_a_user_is_sent_as_text(user: Any, sent: str) -> None:
    """A number in digits, an enum's value."""
    sends = Recording({})
    await Sessions(sends, "biz").identify("s", user)
    assert sends.body["user_id"] == sent


@virtual_time
async def test_an_identification_is_polled_until_it_is_completed() -> None:
    """With the vendor's pauses, the business's id, and the session in a header; after a 429 or a 5xx it polls again."""
    sends = Scripted(
        (200, {"identification_receipt": "r/1"}), (202, None), (429, {}), (503, {}), (202, {"status": "processing"}),
        (200, {"status": "completed"}),
    )  # fmt: skip
    done = await Sessions(sends, "biz").identify("s", 7, email="a@b.c", source="shopify")
    assert done.status == "completed"
    assert sends.times == [0, 0, 0.1, 0.35, 0.85, 1.85]
    assert [call.path for call in sends.calls] == ["/v1/public/identifications"] + [
        "/v1/public/identifications/r%2F1"
    ] * 5
    assert sends.calls[0].body == {"session": "s", "user_id": "7", "email": "a@b.c", "source": "shopify"}
    assert sends.calls[0].headers == (("Authorization", "Bearer biz"),)
    assert sends.calls[1].headers == (("Authorization", "Bearer biz"), ("X-Hellotext-Session", "s"))


@virtual_time
@pytest.mark.parametrize("body", [None, {}, []])
async def test_a_2xx_without_a_receipt_is_accepted(body: Any) -> None:
    """Older servers answer with a 2xx and an empty or unreadable body."""
    sends = Scripted((200, body))
    assert (await Sessions(sends, "biz").identify("s", "u")).identification_receipt is None
    assert len(sends.calls) == 1


@virtual_time
async def test_a_refused_identification_is_validation_failed() -> None:
    """422 of the poll is the answer."""
    sends = Scripted((200, {"identification_receipt": "r"}), (202, None), (422, {"errors": [{"type": "invalid"}]}))
    with pytest.raises(ValidationFailed):
        await Sessions(sends, "biz").identify("s", "u")


@virtual_time
async def test_an_identification_that_is_not_completed_in_time_is_unknown() -> None:
    """At the deadline, in any wait."""
    sends = Scripted((200, {"identification_receipt": "r"}), (202, None))
    with pytest.raises(OutcomeUnknown):
        await Sessions(sends, "biz").identify("s", "u", deadline=30)
    assert asyncio.get_running_loop().time() == 30
    assert sends.times[-3:] == [7.85, 15.85, 23.85]
