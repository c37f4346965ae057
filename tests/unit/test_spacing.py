"""What a limit without burst looks like."""

from __future__ import annotations

from hellotext_async._policy.spacing import Suspicion


def test_it_is_suspected_after_throttles_that_came_soon_at_a_settled_rate() -> None:
    """Not at the beginning, not if the rate moves, not after few deliveries."""
    suspicion = Suspicion()
    assert not any(suspicion.throttled(0.1, 50, 100) for _ in range(4))
    assert not suspicion.throttled(0.1, 50, 3)
    assert not suspicion.throttled(0.1, 500, 100)
    assert not suspicion.throttled(0.1, 500, 100)
    assert suspicion.throttled(0.1, 500, 100)


def test_other_throttles_take_the_suspicion_away() -> None:
    """In time."""
    suspicion = Suspicion()
    for _ in range(8):
        suspicion.throttled(0.1, 50, 100)
    assert suspicion.throttled(0.1, 50, 100)
    assert not [suspicion.throttled(0.6, 50, 100) for _ in range(30)][-1]
