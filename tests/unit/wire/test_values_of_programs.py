"""Values of the libraries that programs use for their data."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import freezegun
import msgspec
import numpy
import pandas
import pendulum
import pytest

from hellotext_async import InvalidParameter
from hellotext_async._events.prepare import prepare
from hellotext_async._wire.params import encode, plain

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def frozen() -> Any:
    """The datetime class under freezegun."""
    with freezegun.freeze_time(AT):
        return datetime.now(UTC)


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (numpy.int64(5), 5),
        (numpy.uint64(2**64 - 1), 2**64 - 1),
        (numpy.float64(0.5), 0.5),
        (numpy.float32(0.5), 0.5),
        (numpy.str_("soap"), "soap"),
        ({"a": [numpy.int8(1), {"b": numpy.float64(1.5)}]}, {"a": [1, {"b": 1.5}]}),
        (pandas.Series([1, 2]).sum(), 3),
    ],
    ids=repr,
)
def test_scalars_become_the_values_that_they_equal(value: Any, sent: Any) -> None:
    """Of numpy and pandas, also nested."""
    assert msgspec.json.decode(encode({"value": plain(value, "value")})) == {"value": sent}


@pytest.mark.parametrize(
    "moment",
    [pandas.Timestamp(AT), pendulum.instance(AT), pendulum.instance(AT).in_timezone("America/Montevideo"), frozen()],
    ids=["pandas", "pendulum", "pendulum elsewhere", "freezegun"],
)
def test_moments_are_moments(moment: Any) -> None:
    """As the time of an event, and inside its metadata."""
    body = prepare("page.viewed", {"session": "s", "tracked_at": moment, "metadata": {"at": moment}}).body
    found = msgspec.json.decode(body)
    assert found["tracked_at"] == AT.timestamp()
    assert datetime.fromisoformat(found["metadata"]["at"]) == AT


@pytest.mark.parametrize(
    "value",
    [
        numpy.float64("nan"),
        numpy.array([1, 2]),
        numpy.datetime64("2026-01-02"),
        pandas.NaT,
        pandas.NA,
        pandas.Timestamp("2026-01-02"),
        pandas.DataFrame({"a": [1]}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_has_no_exact_form_is_refused_by_name(value: Any) -> None:
    """Before anything is sent; nothing is rounded or guessed."""
    with pytest.raises(InvalidParameter, match=r"metadata\.value"):
        prepare("page.viewed", {"session": "s", "metadata": {"value": value}})
