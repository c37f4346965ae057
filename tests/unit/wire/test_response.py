"""What an answer exposes of its reply, numbers in place of texts, and headers of a single call."""

from __future__ import annotations

import copy
import pickle
from decimal import Decimal
from typing import Any

import pytest

from hellotext_async._wire.call import Call, Reply
from hellotext_async._wire.codec import Answer, decode
from hellotext_async._wire.encode import key_of, request_of
from hellotext_async._wire.money import Money
from hellotext_async._wire.pages import page_of
from hellotext_async._wire.reply import answer
from hellotext_async.errors import OutcomeUnknown, UnexpectedResponse
from hellotext_async.resources.coupons import Coupon
from hellotext_async.resources.lists import ProfileList

HEADERS = (("Content-Type", "application/json"), ("X-Request-Id", "req-1"))
GET: Call[Any] = Call("GET", "/v1/coupons/x", Coupon, "safe")


def test_an_answer_has_its_request_id_status_and_headers() -> None:
    """Its request id, status and headers; not shown in a repr."""
    found = answer(GET, Reply(200, HEADERS, b'{"id":"x"}'))
    assert found.request_id == "req-1"
    assert (found.response.status, found.response.headers) == (200, HEADERS)
    assert repr(found.response) == "Response(200, request_id='req-1')"
    assert copy.copy(found).request_id == "req-1"
    assert pickle.loads(pickle.dumps(found)).response is None


def test_headers_are_read_from_raw_bytes_too() -> None:
    """As the event transport keeps them."""
    head = b"HTTP/1.1 202 Accepted\r\nrequest-id:  r2 \r\nA: b\r\n\r\n{}"
    found = answer(GET, Reply(202, head, b'{"id":"x"}'))
    assert (found.request_id, found.response.status) == ("r2", 202)
    assert found.response.headers == (("request-id", "r2"), ("A", "b"))


def test_a_page_has_the_id_and_its_items_have_none() -> None:
    """The exchange is the page's."""
    call: Call[Any] = Call("GET", "/v1/coupons", page_of(Coupon, "coupons"), "safe")
    page = answer(call, Reply(200, HEADERS, b'{"coupons":[{"id":"x"}]}'))
    assert (page.request_id, page.items[0].request_id) == ("req-1", None)
    assert Coupon(id="made here").request_id is None


def test_an_answer_that_is_lost_keeps_the_request_id() -> None:
    """Of a create, the answer is unknown, and it is known that it was applied."""
    create: Call[Any] = Call("POST", "/v1/coupons", Coupon, "non_idempotent")
    with pytest.raises(OutcomeUnknown) as caught:
        answer(create, Reply(201, HEADERS, b"<html>"))
    assert (caught.value.applied, caught.value.request_id) == (True, "req-1")
    with pytest.raises(UnexpectedResponse) as strange:
        answer(GET, Reply(200, HEADERS, b"<html>"))
    assert strange.value.request_id == "req-1"


class Acknowledged(Answer, frozen=True, kw_only=True):
    receipt: str | None = None


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null"])
def test_a_lenient_call_takes_any_body(body: bytes) -> None:
    """A body that cannot be decoded is an answer of defaults, with its status."""
    call: Call[Any] = Call("POST", "/v1/public/identifications", Acknowledged, "idempotent", lenient=True)
    found = answer(call, Reply(202, HEADERS, body))
    assert (found, found.response.status, found.request_id) == (Acknowledged(), 202, "req-1")


def test_whole_numbers_are_taken_as_text() -> None:
    """Ids and names, at the top and inside; true and 7.5 are no ids."""
    assert decode(b'{"id":7,"name":2026}', ProfileList) == ProfileList(id="7", name="2026")
    page = decode(b'{"lists":[{"id":7},{"id":7.5},{"id":true},{"id":"x"}]}', page_of(ProfileList, "lists"))
    assert [item.id for item in page.items] == ["7", "x"]
    assert page.items[0].raw == {"id": 7}


class Priced(Answer, frozen=True, kw_only=True):
    price: Money | None = None


@pytest.mark.parametrize(
    ("price", "money"),
    [
        (b'{"amount":89.90,"currency":"USD"}', Money(Decimal("89.90"), "USD")),
        (b'{"amount":"89.90","currency":"USD"}', Money(Decimal("89.90"), "USD")),
        (b'{"amount":5}', Money(Decimal(5))),
        (b'{"amount":5,"currency":"USD","converted_amount":"200.1","converted_currency":"UYU","new":1}',
         Money(Decimal(5), "USD", Decimal("200.1"), "UYU")),
        (b'{"amount":5,"currency":"USD","converted_amount":[]}', Money(Decimal(5), "USD")),
        (b'{"amount":"free"}', None), (b"89.9", None), (b"null", None), (b"{}", None),
    ],
)  # fmt: skip
def test_money_is_exact_and_tolerant(price: bytes, money: Money | None) -> None:
    """Numbers and texts of numbers, digit by digit; converted amounts beside them; anything else is None."""
    assert decode(b'{"price":%b}' % price, Priced).price == money


def test_a_call_has_headers_of_its_own_and_a_key() -> None:
    """A key that a header cannot carry is sent as its digest, always the same."""
    assert request_of(GET).headers == ()
    call: Call[Any] = Call("POST", "/v1/x", Coupon, "idempotent", key="e-1", headers=(("X-A", "b"),))
    assert request_of(call).headers == (("X-A", "b"), ("Idempotency-Key", "e-1"))
    assert key_of("a b\r\nc") == key_of("a b\r\nc") != key_of("a b")
    assert len(key_of("\ud800")) == 64
