"""The quick look at an event and the closer one agree."""

from __future__ import annotations

from datetime import UTC
from decimal import Decimal
from math import inf, nan
from operator import or_
from typing import Any
from unittest.mock import patch

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as some

from hellotext_async._events import prepare as prepare_module
from hellotext_async._events.fields import IDS, MAPPINGS, OURS, TEXTS, EventFields
from hellotext_async._events.prepare import prepare
from hellotext_async._events.usual import usual
from hellotext_async.errors import InvalidParameter

WORD = some.text(some.characters(codec="utf-8"), min_size=1, max_size=9)
ID = some.from_regex(r"[0-9A-Za-z]{1,64}", fullmatch=True)
AMOUNT = some.one_of(some.integers(0, 2**53), some.floats(allow_nan=False, allow_infinity=False))
PLAIN = some.fixed_dictionaries(
    {"session": ID, "amount": AMOUNT, "currency": WORD},
    optional={
        "metadata": some.dictionaries(WORD, some.one_of(WORD, AMOUNT, some.booleans()), max_size=3),
        "profile": ID,
        "url": WORD,
        "product": WORD,
        "event_id": WORD,
        "tracked_at": some.integers(0, 2**36),
    },
)

TEXT = some.one_of(some.sampled_from(["é", "x" * 64, "x" * 65, "a-b", "a\n", "\ud800", ""]), some.text(max_size=5))
NUMBER = some.one_of(
    some.sampled_from([10**11, -1, 2**64, 2**64 - 1, -(2**63) - 1, inf, nan, True, Decimal("1.5")]),
    some.integers(),
    some.floats(),
)
PARAMETERS = some.dictionaries(WORD, some.one_of(NUMBER, TEXT, some.none(), some.lists(NUMBER)), max_size=2)
MOMENT = some.one_of(NUMBER, some.datetimes(timezones=some.sampled_from([UTC, None])))
ANYTHING = some.one_of(TEXT, NUMBER, PARAMETERS, MOMENT, some.none(), some.binary(max_size=3), some.just({1: 2}))
ODD = {
    **dict.fromkeys(IDS | TEXTS, TEXT),
    **dict.fromkeys(MAPPINGS, PARAMETERS),
    "amount": NUMBER,
    "tracked_at": MOMENT,
    "products": some.lists(some.fixed_dictionaries({"product": TEXT, "quantity": NUMBER}), max_size=2),
}
FIELD = some.sampled_from([*EventFields.__annotations__])
USUAL = some.sampled_from(["session", "amount", "metadata", "tracked_at"])
CHANGE = some.one_of(
    some.one_of(USUAL, FIELD).flatmap(lambda name: some.tuples(some.just(name), ODD[name])),
    some.tuples(some.one_of(FIELD, some.sampled_from(["action", "colour"])), ANYTHING),
).map(lambda change: dict([change]))
LACK = some.sampled_from([("session",), ("session", "profile"), ("amount",), ("currency",), ("amount", "currency")])


def _lacking(fields: dict[str, Any], lack: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in lack}


USUALLY = some.just("page.viewed")
EVENTS = some.one_of(
    some.tuples(some.one_of(some.sampled_from(["order.placed", "", None, 5]), TEXT), PLAIN),
    some.tuples(USUALLY, some.builds(_lacking, PLAIN, LACK)),
    some.tuples(USUALLY, some.builds(or_, PLAIN, CHANGE)),
    some.tuples(USUALLY, some.builds(or_, some.builds(or_, PLAIN, CHANGE), CHANGE)),
)


def _end(action: Any, fields: dict[str, Any], form: Any) -> object:
    """What becomes of an event: all that is known of it once it is ready, or the parameter that is refused."""
    try:
        ready = prepare(action, fields, form)
    except InvalidParameter as error:
        return error.parameter, str(error)
    return msgspec.json.decode(ready.body), ready.subject, ready.idempotency, ready.event_id


@settings(max_examples=1000, deadline=None)
@given(EVENTS, some.sampled_from(["typed", "object"]))
def test_an_event_ends_alike_with_the_quick_look_and_without_it(event: tuple[Any, dict[str, Any]], form: str) -> None:
    """The same body, subject, class and id, or the same refusal."""
    quick = _end(*event, form)
    with patch.object(prepare_module, "usual", lambda *_: None):
        assert quick == _end(*event, form)


@settings(max_examples=200, deadline=None)
@given(PLAIN)
def test_an_event_of_plain_values_needs_no_closer_look(fields: dict[str, Any]) -> None:
    """Ids of letters and digits, text, numbers, flat parameters: what is sent is what was given."""
    assert usual("page.viewed", fields) is not None
    sent = msgspec.json.decode(prepare("page.viewed", fields).body)
    assert sent == {"action": "page.viewed", **{name: fields[name] for name in fields if name not in OURS}}
