"""The pacer's rules, one by one."""

from __future__ import annotations

from math import inf

import pytest

from hellotext_async._policy.pacer import Pacer


def least(low: float, _: float) -> float:
    """Chance that always falls low."""
    return low


def throttled_at_100(**more: float) -> Pacer:
    """A pacer that was delivering 100 a second and was then throttled."""
    pacer = Pacer(uniform=least, **more)
    for n in range(200):
        pacer.delivered(10 + n / 100, pacer.sent(10 + n / 100))
    pacer.throttled(12.0, pacer.sent(12.0), None)
    return pacer


def test_before_the_first_throttle_nothing_is_paced() -> None:
    """Whatever was sent, the next one may go now, and no rate is known."""
    pacer = Pacer(uniform=least)
    for _ in range(10_000):
        assert pacer.ready_at(5.0) <= 5.0
        pacer.delivered(5.0, pacer.sent(5.0))
    assert pacer.rate is None


def test_the_first_throttle_takes_its_anchor_from_the_last_second() -> None:
    """85 % of what was delivered then."""
    rate = throttled_at_100().rate
    assert rate is not None
    assert 75 <= rate <= 95


def test_a_ceiling_paces_from_the_start_and_is_never_passed() -> None:
    """Limits(rate=…): growth ends there."""
    pacer = Pacer(ceiling=10, uniform=least)
    now, sent = 0.0, 0
    while now < 20:
        now = max(now, pacer.ready_at(now))
        pacer.delivered(now, pacer.sent(now))
        sent += 1
    assert sent <= 10 * 20 + 2


def test_a_gate_lets_nothing_pass_and_then_one_probe() -> None:
    """Until the Retry-After is over, then one, then the rest when it is through."""
    pacer = throttled_at_100()
    pacer.throttled(12.0, pacer.sent(12.0), 10.0)
    assert 22 <= pacer.ready_at(12.1) <= 22.6
    at = pacer.ready_at(12.1)
    probe = pacer.sent(at)
    assert pacer.ready_at(at) == inf
    pacer.delivered(at + 0.1, probe)
    assert pacer.ready_at(at + 0.1) <= at + 0.2


@pytest.mark.parametrize("end", ["lost", "throttled"])
def test_a_probe_that_fails_is_followed_by_another(end: str) -> None:
    """Lost: at once; throttled: after a longer gate. Never by none."""
    pacer = throttled_at_100()
    at = pacer.ready_at(12.0)
    probe = pacer.sent(at)
    if end == "lost":
        pacer.lost(at + 1, probe)
    else:
        pacer.throttled(at + 1, probe, None)
    assert pacer.ready_at(at + 1) < at + 35


def test_answers_to_requests_sent_before_the_last_decrease_do_not_lower_it_again() -> None:
    """One decrease an epoch."""
    pacer = Pacer(uniform=least)
    stamps = [pacer.sent(1 + n / 100) for n in range(100)]
    for n, stamp in enumerate(stamps[:50]):
        pacer.delivered(1.5 + n / 100, stamp)
    pacer.throttled(2.1, stamps[50], None)
    rate = pacer.rate
    for stamp in stamps[51:]:
        pacer.throttled(2.2, stamp, None)
    assert pacer.rate == rate


def test_the_rate_never_falls_below_one_in_two_seconds() -> None:
    """However many probes fail."""
    pacer = throttled_at_100()
    now = 12.0
    for _ in range(50):
        now = pacer.ready_at(now)
        pacer.throttled(now + 0.1, pacer.sent(now), None)
        now += 0.1
    assert pacer.rate is not None
    assert pacer.rate >= 0.5


def test_lost_requests_change_no_rate() -> None:
    """5xx, timeouts and cancellations say nothing of the limit."""
    pacer = throttled_at_100()
    at = pacer.ready_at(12.0)
    pacer.delivered(at, pacer.sent(at))
    rate = pacer.rate
    for n in range(20):
        pacer.lost(at + 40 + 30 * n, pacer.sent(at + 40 + 30 * n))
    assert pacer.rate == pytest.approx(rate, rel=0.02)


def test_who_wakes_up_late_sends_what_is_due_and_no_more() -> None:
    """Ten milliseconds' worth at the most: older credit is lost."""
    pacer = Pacer(ceiling=2000, uniform=least)
    pacer.sent(0.0)
    sent = 0
    while pacer.ready_at(5.0) <= 5.0:
        pacer.sent(5.0)
        sent += 1
    assert 18 <= sent <= 21


@pytest.mark.parametrize("wait", [0.0, -5.0, 1e9])
def test_a_strange_retry_after_hangs_nobody(wait: float) -> None:
    """At most an hour, at least no time at all."""
    pacer = throttled_at_100()
    pacer.throttled(12.0, pacer.sent(12.0), wait)
    assert 12.0 <= pacer.ready_at(12.0) <= 12.0 + 3600 * 1.05 + 1
