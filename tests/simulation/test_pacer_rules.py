"""The pacer's rules, one by one."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

import pytest

from hellotext_async._policy.backoff import Uniform
from hellotext_async._policy.pacer import Pacer

from .limits import bucket

HOUR = 3600.0


def low(least: float, _most: float) -> float:
    """A random number that is always the lowest."""
    return least


def high(_least: float, most: float) -> float:
    """A random number that is always the highest."""
    return most


def delivering(rate: float, seconds: float = 2.0, *, until: float = 100.0, uniform: Uniform = low) -> Pacer:
    """A pacer that has delivered `rate` a second up to a time, and was never throttled."""
    pacer = Pacer(uniform=uniform)
    for n in range(round(rate * seconds)):
        now = until - seconds + n / rate
        pacer.delivered(now, pacer.sent(now))
    return pacer


def throttled(
    rate: float = 100.0, retry_after: float | None = None, *, at: float = 100.0, uniform: Uniform = low
) -> Pacer:
    """A pacer that was delivering `rate` a second and has just been throttled for the first time."""
    pacer = delivering(rate, until=at, uniform=uniform)
    pacer.throttled(at, pacer.sent(at), retry_after)
    return pacer


def reopened(rate: float = 100.0) -> tuple[Pacer, float]:
    """A throttled pacer whose probe was delivered, and the time."""
    pacer = throttled(rate)
    at = pacer.ready_at(100.0)
    pacer.delivered(at + 0.05, pacer.sent(at))
    return pacer, at + 0.05


def saturated(pacer: Pacer, now: float, until: float) -> float:
    """Send whenever allowed and deliver at once; the time of the last request."""
    while (at := max(now, pacer.ready_at(now))) < until:
        now = at
        pacer.delivered(now, pacer.sent(now))
    return now


def spaced(rate: float = 50.0) -> tuple[Pacer, float]:
    """A pacer that has sent for a minute under a limit without burst, with immediate answers; and the time."""
    pacer, limit, now = Pacer(uniform=low), bucket(rate, 1), 0.0
    while (now := max(now, pacer.ready_at(now))) < 60:
        stamp = pacer.sent(now)
        if limit.admit(now) is None:
            pacer.delivered(now, stamp)
        else:
            pacer.throttled(now, stamp, None)
        now += 0.001
    assert pacer.kind == "spacing"
    return pacer, now


def known(pacer: Pacer) -> float:
    """Its rate, which must be known."""
    assert pacer.rate is not None
    return pacer.rate


def test_before_the_first_throttle_nothing_is_paced() -> None:
    """Whatever was sent, lost and delivered, the next request may be sent now, and no rate is known."""
    pacer = Pacer(uniform=low)
    for n in range(10_000):
        assert pacer.ready_at(5.0) <= 5.0
        (pacer.lost if n % 10 == 0 else pacer.delivered)(5.0, pacer.sent(5.0))
    assert pacer.rate is None
    assert pacer.last_throttle is None
    assert pacer.gate(5.0) == 0


def test_the_first_rate_is_nine_tenths_of_what_was_delivered_in_the_last_second() -> None:
    """Earlier deliveries do not count."""
    pacer = delivering(500, until=98.0)
    for n in range(80):
        pacer.delivered(99.05 + n / 100, pacer.sent(99.05))
    pacer.throttled(99.99, pacer.sent(99.9), None)
    assert known(pacer) == pytest.approx(0.9 * 80, rel=0.3)
    assert pacer.last_throttle == 99.99


def test_a_short_start_is_measured_over_its_own_length() -> None:
    """Twenty delivered in a fifth of a second are a hundred a second."""
    pacer = delivering(100, 0.2)
    pacer.throttled(100.0, pacer.sent(100.0), None)
    assert known(pacer) == pytest.approx(90, rel=0.35)


def test_answers_still_on_their_way_count_for_the_first_anchor() -> None:
    """They were sent before the throttle, so when the gate reopens the rate is higher by them."""
    few, more = throttled(100), throttled(100)
    for pacer, late in ((few, 0), (more, 50)):
        for _ in range(late):
            pacer.delivered(100.01, 0)
        at = pacer.ready_at(100.02)
        pacer.delivered(at + 0.05, pacer.sent(at))
    assert known(more) > 1.2 * known(few)


def test_a_ceiling_paces_from_the_start_and_is_never_passed() -> None:
    """However long nothing is refused, and after a throttle too."""
    pacer = Pacer(ceiling=10, uniform=low)
    sent = 0
    now = 0.0
    while (now := max(now, pacer.ready_at(now))) < 20:
        pacer.delivered(now, pacer.sent(now))
        sent += 1
    assert 195 <= sent <= 202
    pacer.throttled(20.0, pacer.sent(20.0), None)
    assert known(pacer) < 10
    saturated(pacer, 20.0, 300.0)
    assert pacer.rate == 10


def test_a_ceiling_below_the_floor_holds() -> None:
    """The floor never exceeds the user's own limit."""
    pacer = Pacer(ceiling=0.1, uniform=low)
    pacer.throttled(1.0, pacer.sent(0.0), None)
    assert known(pacer) <= 0.1


def test_the_rate_never_falls_below_one_in_two_seconds() -> None:
    """However many are throttled, probes or not."""
    pacer = throttled()
    now = 100.0
    for n in range(200):
        now = pacer.ready_at(now)
        stamp = pacer.sent(now)
        (pacer.delivered if n % 3 == 0 else lambda at, stamp: pacer.throttled(at, stamp, None))(now + 0.1, stamp)
        now += 0.1
        assert known(pacer) >= 0.5


def test_nothing_passes_a_closed_gate() -> None:
    """Until the whole Retry-After is over, for at most 5 % more."""
    for uniform, most in ((low, 110.0), (high, 110.5)):
        pacer = throttled(retry_after=10.0, uniform=uniform)
        assert pacer.ready_at(100.0) == pytest.approx(most)
        assert pacer.ready_at(109.9) == pytest.approx(most)
        assert pacer.gate(105.0) == pytest.approx(most - 105)


def test_the_longest_retry_after_holds() -> None:
    """A later, shorter one, from a request of the same batch, does not open the gate."""
    pacer = delivering(100)
    stamps = [pacer.sent(100.0) for _ in range(3)]
    for stamp, wait in zip(stamps, (5.0, 30.0, 1.0), strict=True):
        pacer.throttled(100.1, stamp, wait)
    assert pacer.ready_at(100.1) == pytest.approx(130.1)


@pytest.mark.parametrize("through", [False, True])
def test_a_late_throttle_closes_the_gate_again(through: bool) -> None:
    """An answer of an older epoch, received while the probe is out or after it: its Retry-After is obeyed."""
    pacer = delivering(100)
    first, late = pacer.sent(100.0), pacer.sent(100.0)
    pacer.throttled(100.1, first, 0.5)
    probe = pacer.sent(100.6)
    if through:
        pacer.delivered(100.7, probe)
    rate = known(pacer)
    pacer.throttled(100.8, late, 5.0)
    if not through:
        pacer.delivered(100.9, probe)
    assert pacer.ready_at(101.0) == pytest.approx(105.8)
    second = pacer.sent(105.8)
    assert pacer.ready_at(105.8) == inf
    pacer.delivered(105.9, second)
    assert pacer.ready_at(105.9) < 107
    assert not through or pacer.rate == rate


def test_after_a_gate_one_probe_goes_and_then_the_rest() -> None:
    """While the probe is out no request may be sent; after its delivery the schedule continues without a burst."""
    pacer = throttled(retry_after=10.0)
    at = pacer.ready_at(100.0)
    probe = pacer.sent(at)
    assert pacer.ready_at(at) == inf
    assert pacer.ready_at(at + 60) == inf
    pacer.delivered(at + 0.1, probe)
    now, sent = at + 0.1, 0
    while (now := max(now, pacer.ready_at(now))) < at + 1.1:
        pacer.sent(now)
        sent += 1
    assert 1 <= sent <= known(pacer) + 1


def test_a_lost_probe_is_followed_by_another() -> None:
    """5xx, no answer, cancelled or never sent: the gate does not stay closed, and the next probe is alone too."""
    pacer = throttled()
    at = pacer.ready_at(100.0)
    pacer.lost(at + 1, pacer.sent(at))
    assert pacer.ready_at(at + 1) <= at + 1
    second = pacer.sent(at + 1)
    assert pacer.ready_at(at + 1) == inf
    pacer.delivered(at + 1.1, second)
    assert pacer.ready_at(at + 1.1) < at + 1.2


def test_throttled_probes_wait_longer_and_longer() -> None:
    """Twice as long each time, at most half a minute, and they do not lower the rate further."""
    pacer = throttled(10)
    rate = known(pacer)
    now, gates = 100.0, []
    for _ in range(12):
        now = pacer.ready_at(now)
        pacer.throttled(now, pacer.sent(now), None)
        gates.append(pacer.gate(now))
    assert gates[1] == pytest.approx(2 * gates[0])
    assert gates[2] == pytest.approx(4 * gates[0])
    assert gates[-1] == gates[-2] == 2.5
    assert pacer.rate == rate


def test_the_longest_wait_of_a_probe_is_half_a_minute() -> None:
    """At the lowest rate, with the most unfavourable random numbers."""
    pacer = Pacer(uniform=high)
    pacer.throttled(0.1, pacer.sent(0.0), None)
    now = 0.1
    for _ in range(20):
        now = pacer.ready_at(now)
        pacer.throttled(now, pacer.sent(now), None)
    assert pacer.gate(now) == pytest.approx(30)


def test_a_retry_after_of_nothing_does_not_turn_probes_into_a_storm() -> None:
    """When probes are refused with "Retry-After: 0", they wait as without the header."""
    pacer = throttled(100, retry_after=0.0)
    now, probes = 100.0, 0
    while (now := max(now, pacer.ready_at(now))) < 160:
        pacer.throttled(now + 0.001, pacer.sent(now), 0.0)
        now += 0.001
        probes += 1
    assert probes <= 130


@pytest.mark.parametrize(("wait", "closed"), [(0.0, 0.0), (-5.0, 0.0), (1e9, HOUR), (float("nan"), 0.0)])
def test_an_invalid_retry_after_is_clamped(wait: float, closed: float) -> None:
    """At least zero, at most an hour."""
    pacer = throttled(retry_after=wait)
    assert pacer.gate(100.0) == closed
    assert 100.0 <= pacer.ready_at(100.0) < inf


def test_one_decrease_an_epoch() -> None:
    """Answers to requests that were sent before the last decrease do not lower the rate again."""
    pacer, at = reopened()
    stamps = [pacer.sent(at + n / 100) for n in range(50)]
    pacer.throttled(at + 0.6, stamps[0], None)
    rate = known(pacer)
    for stamp in stamps[1:]:
        pacer.throttled(at + 0.7, stamp, None)
    assert pacer.rate == rate
    probe = pacer.sent(pacer.ready_at(at + 1))
    pacer.delivered(at + 1.5, probe)
    assert known(pacer) >= 0.5 * rate


def test_the_rate_is_set_anew_from_what_was_delivered() -> None:
    """When a limit falls to a fifth, one measured cycle is enough: the rate follows the deliveries."""
    pacer, now = reopened(100)
    for _ in range(8):
        until = now + 0.5
        count = 0
        while (now := max(now, pacer.ready_at(now))) < until:
            stamp = pacer.sent(now)
            count += 1
            if count <= 10:
                pacer.delivered(now, stamp)
        pacer.throttled(now, stamp, None)
        now = pacer.ready_at(now)
        pacer.delivered(now, pacer.sent(now))
    assert known(pacer) < 40


def test_the_rate_stays_near_the_anchor_and_then_rises_ever_faster() -> None:
    """Flat around K, four times as much before three K are over."""
    pacer, now = reopened(50)
    start = known(pacer)
    now = saturated(pacer, now, now + 10)
    anchor = known(pacer)
    assert 1.05 * start <= anchor <= 1.3 * start
    saturated(pacer, now, now + 20)
    assert known(pacer) >= 4 * anchor


@pytest.mark.parametrize(("retry_after", "cycle", "below"), [(2.0, 12, 0.03), (0.1, 12, 0.06), (2.0, 3, 0.1)])
def test_a_long_gate_after_a_long_cycle_makes_the_dip_small(retry_after: float, cycle: float, below: float) -> None:
    """Sends that the gate prevented do not lower the rate; but an early throttle means that the limit is lower."""
    pacer, now = reopened()
    now = saturated(pacer, now, now + cycle)
    pacer.throttled(now, pacer.sent(now), retry_after)
    now = pacer.ready_at(now)
    pacer.delivered(now, pacer.sent(now))
    assert known(pacer) == pytest.approx((1 - below) * pacer.export().curve.anchor, rel=0.02)


@pytest.mark.parametrize("retry_after", [None, 3.0])
def test_after_a_limit_was_forgotten_the_next_is_learned(retry_after: float | None) -> None:
    """No rate is known then, as in the beginning: a throttle sets it again and closes the gate."""
    pacer, now = reopened()
    now = saturated(pacer, now, now + 1)
    pacer.forget()
    assert (pacer.rate, pacer.kind) == (None, "none")
    for n in range(100):
        pacer.delivered(now + n / 50, pacer.sent(now + n / 50))
    pacer.throttled(now + 2, pacer.sent(now + 2), retry_after)
    assert 25 <= known(pacer) <= 60
    assert pacer.ready_at(now + 2) >= now + 2 + (retry_after or 0.05)


def test_a_probe_of_a_limit_that_was_forgotten_measures_nothing() -> None:
    """Its answer comes when another limit is learned: the time until then was no closed gate."""
    pacer = throttled(50)
    probe = pacer.sent(pacer.ready_at(100.0))
    pacer.forget()
    for n in range(100):
        pacer.delivered(101 + n / 50, pacer.sent(101 + n / 50))
    pacer.delivered(103.0, probe)
    pacer.throttled(103.0, pacer.sent(103.0), None)
    at = pacer.ready_at(103.0)
    pacer.delivered(at + 0.05, pacer.sent(at))
    assert 40 <= known(pacer) <= 60


def test_another_goes_in_the_place_of_one_that_does_not_count() -> None:
    """As many more as were returned, at once; then the schedule continues as if those had not been granted."""
    pacer, now = reopened(100)
    stamps = [pacer.sent(now := max(now, pacer.ready_at(now))) for _ in range(5)]
    due = pacer.ready_at(now)
    for stamp in stamps[:3]:
        pacer.unused(now, stamp)
    for _ in range(3):
        assert pacer.ready_at(now) <= now
        pacer.sent(now)
    assert pacer.ready_at(now) == due > now


def test_failures_move_no_rate() -> None:
    """Neither lost requests nor the time that they take."""
    pacer, now = reopened()
    now = saturated(pacer, now, now + 5)
    rate = known(pacer)
    for _ in range(500):
        now = max(now, pacer.ready_at(now))
        pacer.lost(now + 0.5, pacer.sent(now))
    assert pacer.rate == rate


def test_an_idle_client_keeps_what_it_learned() -> None:
    """After a day without requests the rate is unchanged, and there is no burst."""
    pacer, now = reopened()
    now = saturated(pacer, now, now + 5)
    rate, later = known(pacer), now + 24 * HOUR
    sent = 0
    while pacer.ready_at(later) <= later:
        pacer.delivered(later, pacer.sent(later))
        sent += 1
    assert sent <= 1 + rate * 0.01
    assert known(pacer) == pytest.approx(rate, rel=0.02)


def test_requests_that_never_wait_do_not_raise_the_rate() -> None:
    """One a second at a rate of ninety proves nothing, however long it succeeds; what was probed is undone."""
    pacer, now = reopened()
    now = saturated(pacer, now, now + 20)
    probed = known(pacer)
    for n in range(1, 1000):
        assert pacer.ready_at(now + n) <= now + n
        pacer.delivered(now + n + 0.05, pacer.sent(now + n))
    assert 80 <= known(pacer) < 0.7 * probed


def test_after_a_late_timer_what_is_due_is_sent_and_no_more() -> None:
    """Ten milliseconds' worth: older credit is lost; below 100 a second only the one that is due is sent."""
    for ceiling, most in ((2000, 20), (50, 1)):
        pacer = Pacer(ceiling=ceiling, uniform=low)
        pacer.sent(0.0)
        sent = 0
        while pacer.ready_at(5.0) <= 5.0:
            pacer.sent(5.0)
            sent += 1
        assert most - 1 <= sent <= most + 1
        assert sent >= 1


@pytest.mark.parametrize("rate", [10, 100, 600, 2000])
def test_timers_of_a_millisecond_do_not_slow_it_down(rate: int) -> None:
    """The rate is reached though timers fire only on whole milliseconds."""
    pacer = Pacer(ceiling=rate, uniform=low)
    now, sent = 0.0, 0
    while now < 10:
        while pacer.ready_at(now) <= now:
            pacer.sent(now)
            sent += 1
        now = (int(pacer.ready_at(now) * 1000) + 1) / 1000 + 0.0002
    assert 0.99 * rate * 10 <= sent <= 1.01 * rate * 10 + 1


@pytest.mark.parametrize("jump", [lambda at: at - 1e-6, lambda at: at, lambda at: at - 0.5])
def test_a_clock_that_does_not_advance_breaks_nothing(jump: Callable[[float], float]) -> None:
    """Times that do not advance or step back a little: no error, no rate out of bounds, no hang."""
    pacer = throttled(100, retry_after=0.0)
    now = 100.0
    for n in range(2000):
        ready = pacer.ready_at(now)
        assert ready < inf
        now = max(now, ready)
        stamp = pacer.sent(now)
        back = jump(now)
        if n % 50 == 0:
            pacer.throttled(back, stamp, 0.0)
        else:
            pacer.delivered(back, stamp)
    assert 0.5 <= known(pacer) < 10_000
    assert pacer.gate(now) < 2


def test_the_share_that_was_wasted_is_exact() -> None:
    """Throttled requests by all requests."""
    pacer = throttled(100)
    assert pacer.wasted == pytest.approx(1 / 201)
    assert Pacer(uniform=low).wasted == 0


def test_a_throttle_of_a_limit_without_burst_closes_no_gate_without_retry_after() -> None:
    """The next request may be sent when it is due, at a rate that is a fiftieth lower, which rises from there."""
    for retry_after in (None, 2.0):
        pacer, now = spaced()
        now = saturated(pacer, now, now + 0.5)
        rate = known(pacer)
        pacer.throttled(now, pacer.sent(now), retry_after)
        assert pacer.gate(now) == (retry_after or 0)
        if retry_after is None:
            assert now < pacer.ready_at(now) <= now + 1.1 / rate
            assert 0.97 * rate < known(pacer) < 0.99 * rate
            lowered = known(pacer)
            saturated(pacer, now, now + 3)
            assert lowered < known(pacer) < 1.02 * rate


def test_a_limit_without_burst_that_refuses_all_closes_the_gate() -> None:
    """A refusal with nothing delivered since the last throttle was not caused by spacing alone."""
    pacer, now = spaced()
    stamps = [pacer.sent(now)]
    pacer.throttled(now, stamps[0], None)
    later = pacer.ready_at(now)
    pacer.throttled(later, pacer.sent(later), None)
    assert pacer.gate(later) > 0
