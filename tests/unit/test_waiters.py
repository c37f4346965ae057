"""Whose turn it is among those that wait for a permit."""

from __future__ import annotations

from hellotext_async._waiters import Waiters


class Gone:
    """One that waits no more."""

    def done(self) -> bool:
        """It is."""
        return True


def test_the_turn_of_one_that_waits_no_more_is_no_permit() -> None:
    """Nor is it a priority for which something waits."""
    waiters: Waiters[Gone] = Waiters()
    waiters.add("event", Gone())
    assert waiters.take("event") is None
    waiters.add("call", Gone())
    assert waiters.waiting() == [] and not waiters
