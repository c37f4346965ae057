"""How many requests a limit accepts at once."""

from __future__ import annotations

from math import inf

from hellotext_async._policy.tolerance import Tolerance


def first(taken: int, elapsed: float) -> Tolerance:
    """After a first throttle."""
    tolerance = Tolerance(elapsed=elapsed)
    tolerance.first_throttle(taken)
    return tolerance


def test_what_was_delivered_at_once_is_the_tolerance() -> None:
    """Less what the rate allows in that time; slower deliveries give no information."""
    assert first(1, 0.0).spacing(50)
    assert first(10, 0.1).estimate(50) == 5
    assert first(10, 2.0).estimate(50) == inf
    assert first(100, 0.1).estimate(50) == inf


def test_two_requests_sent_together_decide() -> None:
    """Both delivered: no spacing; one refused: spacing, and the next test is later."""
    for refused in (False, True):
        tolerance = first(1, 0.0)
        assert tolerance.test(50, 10, suspected=False) == 2
        assert not tolerance.delivered()
        if refused:
            tolerance.refused()
        else:
            assert tolerance.delivered()
        assert tolerance.spacing(50) is refused
        assert not refused or tolerance.test(50, 10, suspected=False) == 0


def test_a_limit_of_which_nothing_is_known_is_tested_when_suspected() -> None:
    """Not otherwise."""
    tolerance = first(100, 0.1)
    assert [tolerance.test(50, 10, suspected=False) for _ in range(5)] == [0] * 5
    assert tolerance.test(50, 10, suspected=True) == 2
