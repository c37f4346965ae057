"""Requests whose outcome is unknown, and what an answer says of its reply."""

# pyright: reportUnnecessaryTypeIgnoreComment=true
from __future__ import annotations

from typing import Literal, assert_type

from hellotext_async import (
    DeadLetters,
    Hellotext,
    Letter,
    Outcome,
    OutcomeUnknown,
    Reconciled,
    Response,
    ServerError,
)


async def looked_up(client: Hellotext, error: OutcomeUnknown, outcome: Outcome, letters: DeadLetters) -> None:
    assert_type(await client.reconcile(error), list[Reconciled])
    assert_type(await client.reconcile(error, outcome, list(letters), settle=5, pages=10), list[Reconciled])
    assert_type(await letters.reconcile(client), list[Reconciled])
    assert_type(await client.with_options(deadline=5).reconcile([error]), list[Reconciled])
    (found,) = await client.reconcile(error)
    assert_type(found.verdict, Literal["delivered", "not_delivered", "unknown"])
    assert_type(found.id, str | None)
    await client.reconcile("order")  # type: ignore[arg-type]
    await client.reconcile(error, wait=5)  # type: ignore[call-arg]
    await letters.reconcile()  # type: ignore[call-arg]


async def replies(client: Hellotext, error: ServerError, letter: Letter) -> None:
    order = await client.orders.retrieve("x")
    assert_type(order.request_id, str | None)
    assert_type(error.request_id, str | None)
    if order.response is not None:
        assert_type(order.response, Response)
        assert_type(order.response.status, int)
        assert_type(order.response.headers, tuple[tuple[str, str], ...])
    order.request_id = "x"  # type: ignore[misc]


def clients() -> None:
    Hellotext("t", strict=True, idempotency_keys=True, business_id="b")
    Hellotext("t", strict="yes")  # type: ignore[arg-type]
    Hellotext("t", idempotency_keys="yes")  # type: ignore[arg-type]
    Hellotext("t", business_id=5)  # type: ignore[arg-type]
