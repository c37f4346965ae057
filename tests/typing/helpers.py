"""What applications name in their own annotations: fields of events, parts of messages, results of reconcile."""

# pyright: reportUnnecessaryTypeIgnoreComment=true
from __future__ import annotations

import warnings
from typing import Literal, Unpack, assert_type

from hellotext_async import (
    CartProduct,
    EventFields,
    EventQueue,
    Hellotext,
    MessageTemplate,
    NewObjectProperty,
    Outcome,
    OutcomeUnknown,
    Receipt,
    Reconciled,
    UnknownParameterWarning,
)


def viewed(queue: EventQueue, **fields: Unpack[EventFields]) -> Receipt:
    """A function of an application that passes fields on."""
    return queue.track("page.viewed", **fields)


def adds(queue: EventQueue, lines: list[CartProduct]) -> None:
    viewed(queue, session="s", products=lines)
    viewed(queue, sesion="s")  # type: ignore[call-arg]
    line: CartProduct = {"product": "p", "quantity": "2"}  # type: ignore[typeddict-item]
    lines.append(line)


def parts() -> None:
    template: MessageTemplate = {"id": "t", "shortlinks": {"offer": "https://x"}}
    assert_type(template["id"], str)
    size: NewObjectProperty = {"kind": "text", "name": "Size", "unique": True}
    assert_type(size["name"], str)
    wrong: NewObjectProperty = {"kind": "text"}  # type: ignore[typeddict-item]
    assert_type(wrong["kind"], str)
    warnings.simplefilter("error", UnknownParameterWarning)


async def reconciles(client: Hellotext, error: OutcomeUnknown, outcomes: list[Outcome]) -> None:
    found = await client.reconcile(error, outcomes, settle=0)
    assert_type(found, list[Reconciled])
    assert_type(found[0].verdict, Literal["delivered", "not_delivered", "unknown"])
    assert_type(found[0].id, str | None)
    await client.reconcile("e1")  # type: ignore[arg-type]
