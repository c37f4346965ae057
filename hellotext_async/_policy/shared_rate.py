"""The messages between workers that share one learned rate and the store of it, and how the rate changes. Pure.

Rules. The rate is the record of a `Pacer` and no more: a worker that changes it makes a pacer of the record, feeds it
what happened, and replaces the old record with the pacer's, unless another worker did so meanwhile. Times are by the
store's clock. Deliveries are counted in the store by all workers, and fed to a pacer together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import msgspec

from .pacer import PROBE, STEP, WAITED, Pacer
from .pacer_record import VERSION, PacerRecord
from .schedule import CATCH_UP, FAST, TICKS
from .slow_start import STEPS

if TYPE_CHECKING:
    from .backoff import Uniform

__all__ = [
    "Answer", "Command", "Counts", "Learned", "Seen", "decode", "encode", "generation_of", "learn",
    "overdue", "speed_of",
]  # fmt: skip

LATE: Final = 0.2
"""Seconds after which a delivery is reported at the latest."""
PARTS: Final = 6
"""Deliveries that are reported together are taken to have come in so many parts."""
PROBE_PATIENCE: Final = 5.0
"""Seconds after which a probe without a reported result may be lost with the worker that sent it: another is sent."""


class Counts(NamedTuple):
    """Answered requests: delivered after they had waited for their time, delivered at once, delivered that
    were sent at another epoch's rate or failed with a 5xx, and refused of another epoch.
    """

    waited: int = 0
    idle: int = 0
    other: int = 0
    refused: int = 0

    def less(self, before: Counts) -> Counts:
        """What was added since."""
        return Counts(*(now - then for now, then in zip(self, before, strict=True)))


class Seen(NamedTuple):
    """What changes more than a count: an answer, when it came (by the store's clock), its stamp and Retry-After."""

    what: Literal["delivered", "throttled", "lost", "forget"]
    at: float
    stamp: int = 0
    retry_after: float | None = None


class Learned(msgspec.Struct, frozen=True):
    """A record that is to replace another, and what the store needs of it: how many permits become due in a second
    (0: none, -1: none are needed), how many may be made up, by how many to go back, the counts that are in it.
    """

    record: PacerRecord
    speed: float
    slack: float
    back: int
    folded: Counts

    @property
    def generation(self) -> int:
        """That of the record."""
        return generation_of(self.record)


class Command(msgspec.Struct, frozen=True):
    """What a worker sends: the version that it knows, how many permits it asks for, its counts since the last
    command and of which generation they are, and a record if it has learned something.
    """

    number: int
    version: int
    wanted: int
    generation: int
    counts: Counts
    learned: Learned | None = None


class Answer(msgspec.Struct, frozen=True):
    """How it stands. `record` is None if the worker knows it; the permits granted are `first` and those after it."""

    now: float
    version: int
    record: bytes | None
    learned_at: float
    speed: float
    position: float
    first: int
    granted: int
    taken: bool
    counts: Counts
    folded: Counts


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(PacerRecord).decode


def encode(record: PacerRecord) -> bytes:
    """A record as it is kept."""
    return _encode(record)


def decode(kept: bytes) -> PacerRecord:
    """The same again. ValueError if it is none, or of another version."""
    try:
        record = _decode(kept)
    except msgspec.MsgspecError:
        raise ValueError("record: it cannot be read") from None
    if record.version != VERSION:
        raise ValueError(f"record: expected version {VERSION}, got {record.version}")
    return record


def generation_of(record: PacerRecord) -> int:
    """The stamps that belong to a record's epoch and step, without their flags."""
    return record.epoch * STEPS + record.slow_start.step


def speed_of(record: PacerRecord) -> float:
    """How many permits become due in a second: none while the gate is closed, -1 if none are needed."""
    if record.rate is None:
        return -1.0
    return 0.0 if record.gate.probe_due or record.gate.probing else record.rate


def overdue(record: PacerRecord, now: float) -> bool:
    """Whether the probe that is under way may be lost."""
    return record.gate.probing and now - record.gate.probed_at > PROBE_PATIENCE


def learn(
    record: PacerRecord, since: float, now: float, counts: Counts, folded: Counts, seen: list[Seen],
    *, probe: bool, uniform: Uniform,
) -> tuple[Learned, int, int | None]:  # fmt: skip
    """The record after all that happened, how many requests go together now, and the stamp of a probe.

    A `probe` is begun if it is wanted and due. What goes together, and the probe, is for the worker that
    replaces the record.
    """
    pacer = Pacer(uniform=uniform)
    pacer.restore(record)
    _count(pacer, generation_of(record), since, now, counts.less(folded))
    for one in seen:
        _feed(pacer, one)
    if overdue(pacer.export(), now):
        pacer.lost(now, PROBE)
    gate = pacer.export().gate
    stamp = None
    if probe and gate.probe_due and gate.opens_at <= now:
        stamp = pacer.sent(now)
    after = pacer.export()
    group, after.schedule.group = after.schedule.group, 0
    speed = speed_of(after)
    slack = 0.0 if after.schedule.apart else max(0.0, speed) * (CATCH_UP if speed > FAST else TICKS)
    return Learned(after, speed, slack, group, counts), group, stamp


def _count(pacer: Pacer, generation: int, since: float, now: float, counts: Counts) -> None:
    """Feed a pacer the deliveries since then, of a short time ago at most, as if they had come evenly."""
    pacer.delivered_elsewhere(counts.other)
    pacer.refused_elsewhere(counts.refused)
    together = counts.waited + counts.idle
    if together <= 0:
        return
    stamp = generation * STEP | (WAITED if counts.waited >= counts.idle else 0)
    began = max(min(since, now), now - LATE)
    for part in range(PARTS):
        count = together * (part + 1) // PARTS - together * part // PARTS
        if count:
            pacer.delivered(began + (now - began) * part / PARTS, stamp)
            pacer.delivered_elsewhere(count - 1)


def _feed(pacer: Pacer, seen: Seen) -> None:
    if seen.what == "delivered":
        pacer.delivered(seen.at, seen.stamp)
    elif seen.what == "throttled":
        pacer.throttled(seen.at, seen.stamp, seen.retry_after)
    elif seen.what == "lost":
        pacer.lost(seen.at, seen.stamp)
    else:
        pacer.forget()
