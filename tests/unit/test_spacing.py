"""How a limit without burst is recognised."""

from __future__ import annotations

from hellotext_async._policy.spacing import Suspicion


def suspected(suspicion: Suspicion, part: float, anchor: float, delivered: int) -> bool:
    """Whether it is suspected after one more throttle."""
    suspicion.throttled(part, anchor, delivered)
    return suspicion.spacing


def test_it_is_suspected_after_throttles_that_came_soon_at_a_settled_rate() -> None:
    """Not at the beginning, not while the rate changes, not after few deliveries."""
    suspicion = Suspicion()
    assert not any(suspected(suspicion, 0.1, 50, 100) for _ in range(4))
    assert not suspected(suspicion, 0.1, 50, 3)
    assert not suspected(suspicion, 0.1, 500, 100)
    assert not suspected(suspicion, 0.1, 500, 100)
    assert suspected(suspicion, 0.1, 500, 100)


def test_other_throttles_take_the_suspicion_away() -> None:
    """After some time."""
    suspicion = Suspicion()
    for _ in range(8):
        suspicion.throttled(0.1, 50, 100)
    assert suspected(suspicion, 0.1, 50, 100)
    assert not [suspected(suspicion, 0.6, 50, 100) for _ in range(30)][-1]
