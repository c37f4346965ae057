"""Offsets are acknowledged in order, however their events end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from hellotext_async.offsets import Offsets


def test_an_offset_waits_for_those_before_it() -> None:
    """Returned is the last one that may be acknowledged, each time that it advances."""
    offsets = Offsets[str]()
    for offset in ("a", "b", "c"):
        offsets.begin(offset)
    assert (offsets.done("b"), offsets.last, offsets.ahead, len(offsets)) == (None, None, ["b"], 3)
    assert (offsets.done("a"), offsets.last, offsets.ahead, len(offsets)) == ("b", "b", [], 1)
    assert (offsets.done("c"), offsets.last, len(offsets)) == ("c", "c", 0)


def test_a_mistake_of_the_caller_is_an_error() -> None:
    """An offset that is in progress already, one that is not, and one that is completed twice."""
    offsets = Offsets[int]()
    offsets.begin(0)
    offsets.begin(1)
    with pytest.raises(ValueError, match="under way already"):
        offsets.begin(1)
    offsets.done(1)
    for offset in (1, 2):
        with pytest.raises(ValueError, match="not under way"):
            offsets.done(offset)
    assert offsets.done(0) == 1


@given(some.integers(1, 60).flatmap(lambda n: some.permutations(range(n))))
def test_nothing_unfinished_is_ever_acknowledged(order: list[int]) -> None:
    """In any order of completion, it is the highest offset with every earlier one completed."""
    offsets, done = Offsets[int](), set[int]()
    for offset in range(len(order)):
        offsets.begin(offset)
    for offset in order:
        offsets.done(offset)
        done.add(offset)
        whole = next((n for n in range(len(order) + 1) if n not in done), len(order))
        assert offsets.last == (whole - 1 if whole else None)
        assert set(offsets.ahead) == {n for n in done if n > whole}
