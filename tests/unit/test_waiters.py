"""The order of those that wait for a permit."""

from __future__ import annotations

from hellotext_async._waiters import Waiters


class Waiter:
    """A waiter that waits until it is `gone`."""

    def __init__(self, *, gone: bool = False) -> None:
        self._gone = gone

    def done(self) -> bool:
        """Whether it no longer waits."""
        return self._gone


def test_one_that_waits_no_more_has_no_turn() -> None:
    """The next waiter of its priority is first; if there is none, the queue is empty."""
    waiters: Waiters[Waiter] = Waiters()
    waits = Waiter()
    for priority, one in (("call", Waiter(gone=True)), ("event", Waiter(gone=True)), ("event", waits)):
        waiters.add(priority, one)  # type: ignore[arg-type]
    assert waiters.turns() == [("event", False)]
    assert waiters.take("event") is waits
    assert waiters.waiting() == [] and not waiters.queues
