"""Whose turn it is among those that wait for a permit."""

from __future__ import annotations

from hellotext_async._waiters import Waiters


class Waiter:
    """One that waits until it is `gone`."""

    def __init__(self, *, gone: bool = False) -> None:
        self._gone = gone

    def done(self) -> bool:
        """Whether it waits no more."""
        return self._gone


def test_one_that_waits_no_more_has_no_turn() -> None:
    """The next of its priority has it; where there is none, nothing waits."""
    waiters: Waiters[Waiter] = Waiters()
    waits = Waiter()
    for priority, one in (("call", Waiter(gone=True)), ("event", Waiter(gone=True)), ("event", waits)):
        waiters.add(priority, one)  # type: ignore[arg-type]
    assert waiters.turns() == [("event", False)]
    assert waiters.take("event") is waits
    assert waiters.waiting() == [] and not waiters
