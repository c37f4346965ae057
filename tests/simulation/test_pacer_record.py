"""A pacer can take over the record of another one, and then makes the same decisions."""

from __future__ import annotations

import random
from collections.abc import Callable

import msgspec
import pytest

from hellotext_async._policy.pacer import Pacer
from hellotext_async._policy.pacer_record import PacerRecord
from hellotext_async._policy.shared_rate import decode, encode

SEEDS = range(40)


class Driven:
    """Pacers that get the same calls; queries go to the first, whose answer all use."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.now = 1000.0
        self.in_flight: list[int] = []

    def story(self, *pacers: Pacer, shifts: tuple[float, ...], steps: int) -> list[tuple[object, ...]]:
        """So many random steps; what each pacer decided in each."""
        decided: list[tuple[object, ...]] = [() for _ in pacers]
        for _ in range(steps):
            act = self.step()
            results = [act(pacer, shift) for pacer, shift in zip(pacers, shifts, strict=True)]
            if isinstance(results[0], int):
                self.in_flight.append(results[0])
            decided = [(*before, now) for before, now in zip(decided, results, strict=True)]
        return decided

    def step(self) -> Callable[[Pacer, float], object]:
        kind = self.random.choices(["wait", "send", "deliver", "throttle", "lose", "jump"], [4, 6, 6, 1, 0.3, 0.2])[0]
        now = self.now = self.now + (self.random.choice([5.0, 60.0]) if kind == "jump" else self.random.random() / 16)
        if kind == "send":
            return lambda pacer, shift: pacer.sent(now + shift) if pacer.ready_at(now + shift) <= now + shift else None
        if kind in ("wait", "jump") or not self.in_flight:
            return lambda pacer, shift: (round(pacer.ready_at(now + shift) - shift, 6), pacer.kind, pacer.wasted)
        stamp = self.in_flight.pop(self.random.randrange(len(self.in_flight)))
        hint = self.random.choice([None, None, 0.5, 3.0])
        if kind == "throttle":
            return lambda pacer, shift: pacer.throttled(now + shift, stamp, hint)
        if kind == "lose":
            return lambda pacer, shift: pacer.lost(now + shift, stamp)
        return lambda pacer, shift: pacer.delivered(now + shift, stamp)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("shift", [0.0, -512.0, 1e6])
def test_a_pacer_that_takes_over_a_record_decides_as_the_one_that_wrote_it(seed: int, shift: float) -> None:
    """At any moment of its life, by any clock, and encoded."""
    driven = Driven(seed)
    chance, same = random.Random(seed), random.Random()
    first, second = Pacer(uniform=chance.uniform), Pacer(uniform=same.uniform)
    driven.story(first, shifts=(0.0,), steps=driven.random.randrange(600))
    sent = msgspec.msgpack.encode(first.export())
    same.setstate(chance.getstate())
    second.restore(msgspec.msgpack.decode(sent, type=PacerRecord), shift=shift)
    one, other = driven.story(first, second, shifts=(0.0, shift), steps=600)
    assert one == other
    assert second.export(shift=-shift).rate == pytest.approx(first.rate) if first.rate else second.rate is None


def test_a_record_stays_as_it_was() -> None:
    """Neither the pacer that wrote it nor one that took it over changes it."""
    driven = Driven(7)
    first, second = (Pacer(uniform=random.Random(1).uniform) for _ in range(2))
    driven.story(first, shifts=(0.0,), steps=300)
    record = first.export()
    before = msgspec.msgpack.encode(record)
    second.restore(record)
    driven.story(first, second, shifts=(0.0, 0.0), steps=300)
    assert msgspec.msgpack.encode(record) == before
    assert first.export() != record


def test_a_record_of_another_version_is_refused() -> None:
    """Its meaning is unknown; so is that of a stored value that is not a record."""
    record = msgspec.structs.replace(Pacer(uniform=random.Random(1).uniform).export(), version=99)
    with pytest.raises(ValueError, match="record: expected version 1, got 99"):
        Pacer(uniform=random.Random(1).uniform).restore(record)
    for kept, why in ((encode(record), "expected version 1, got 99"), (b"nonsense", "cannot be read")):
        with pytest.raises(ValueError, match=f"record: .*{why}"):
            decode(kept)


def test_a_ceiling_holds_for_what_is_taken_over() -> None:
    """It is the program's own, and no record raises or removes it."""
    uniform = random.Random(1).uniform
    unknown, fast = Pacer(uniform=uniform), Pacer(ceiling=500, uniform=uniform)
    bounded = Pacer(ceiling=20, uniform=uniform)
    for other in (unknown, fast):
        bounded.restore(other.export())
        assert bounded.rate == 20


def test_deliveries_of_others_count() -> None:
    """For the refused share, and for the estimated limit."""
    pacer = Pacer(uniform=random.Random(1).uniform)
    pacer.throttled(1.0, pacer.sent(0.5), None)
    pacer.delivered_elsewhere(3)
    assert pacer.wasted == 0.25
