"""Compares the outcomes that a client reports with the requests that the server applied.

A test keeps `Submissions`: what it submitted, what the client accepted, and how each event ended. The
server keeps its history. `violations` compares the two:

one outcome     every accepted event has exactly one outcome, or is still held; nothing else has any
not invented    nothing is applied that was not handed over, or that was refused
delivered       applied at least once
expired         never applied: no attempt at it may have reached the server's work
rejected, abandoned
                never applied, unless its class lets an unanswered attempt be repeated, or it is
                marked `maybe_duplicated`
not doubled     `at_most_once`: once. `non_idempotent`: more than once only if marked. `idempotent`:
                as often as it takes, but under `at_most_once` once
order           per subject, no event is first applied before one that was accepted earlier and delivered
numbers         accepted == outcomes + queued + in flight, and the counted outcomes are those of the submissions
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol

from .seen import Seen

__all__ = ["Claim", "Counts", "Delivery", "Idempotency", "Submissions", "Verdict", "Violation", "ref_of"]

Idempotency = Literal["safe", "idempotent", "non_idempotent", "at_most_once"]
Delivery = Literal["careful", "at_least_once", "at_most_once"]
Verdict = Literal["delivered", "rejected", "unknown", "expired", "abandoned"]

_RESENT_UNANSWERED: Final[dict[Delivery, tuple[Idempotency, ...]]] = {
    "careful": ("safe", "idempotent"),
    "at_least_once": ("safe", "idempotent", "non_idempotent"),
    "at_most_once": ("safe",),
}


class Counts(Protocol):
    """The counters of a queue's statistics."""

    @property
    def accepted(self) -> int: ...
    @property
    def outcomes(self) -> Mapping[str, int]: ...
    @property
    def queued(self) -> int: ...
    @property
    def in_flight(self) -> int: ...


@dataclass(slots=True)
class Claim:
    """What the client's side knows of one event.

    `accepted`: True, False (refused), or None when that is not known (a crash or a cancellation on the way).
    """

    ref: str
    repeat: Idempotency
    subject: str | None
    accepted: bool | None = None
    outcomes: list[tuple[Verdict, bool]] = field(default_factory=list[tuple[Verdict, bool]])

    def __str__(self) -> str:
        ends = ", ".join(verdict + (" (maybe duplicated)" if marked else "") for verdict, marked in self.outcomes)
        return f"{self.ref} ({self.repeat}, subject {self.subject}): {ends or 'no outcome'}"


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule, and the event that broke it."""

    rule: str
    about: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.about}"


def ref_of(seen: Seen) -> str | None:
    """The reference that the test put into an event: `metadata.ref` of its body."""
    try:
        found = json.loads(seen.body)["metadata"]["ref"]
    except (ValueError, KeyError, TypeError):
        return None
    return str(found)


class Submissions:
    """The events that the client was given and the outcomes that it reported, in order."""

    def __init__(self, delivery: Delivery = "careful") -> None:
        self.delivery: Delivery = delivery
        self.claims: dict[str, Claim] = {}
        self._order: list[Claim] = []

    def offered(self, ref: str, repeat: Idempotency = "non_idempotent", subject: str | None = None) -> None:
        """The event is about to be submitted; from here on it may be sent."""
        self.claims[ref] = Claim(ref, repeat, subject)

    def accepted(self, ref: str) -> None:
        """The client accepted it."""
        self.claims[ref].accepted = True
        self._order.append(self.claims[ref])

    def refused(self, ref: str) -> None:
        """The client refused it."""
        self.claims[ref].accepted = False

    def ended(self, ref: str, verdict: Verdict, *, maybe_duplicated: bool = False) -> None:
        """The client reported its outcome."""
        self.claims[ref].outcomes.append((verdict, maybe_duplicated))

    def violations(
        self,
        applied: Iterable[Seen],
        *,
        held: Iterable[str] = (),
        counts: Counts | None = None,
        ordered: bool = True,
        ref: Callable[[Seen], str | None] = ref_of,
    ) -> list[Violation]:
        """Every broken rule.

        `applied`: the server's applications in their order. `held`: references of events that are
        still queued, in flight or kept. `ordered=False` where a long backoff may be overtaken.
        """
        refs = [name for seen in applied if (name := ref(seen)) is not None]
        found = [*self._outcomes(set(held)), *self._applications(Counter(refs))]
        if ordered:
            found += self._overtakings(refs)
        if counts is not None:
            found += self._numbers(counts)
        return found

    def verify(self, applied: Iterable[Seen], **how: Any) -> None:
        """Fail with every violation, one a line; takes what `violations` takes."""
        if found := self.violations(applied, **how):
            raise AssertionError("\n".join(["the client and the server disagree", *map(str, found)]))

    def _outcomes(self, held: set[str]) -> Iterator[Violation]:
        for claim in self.claims.values():
            ends = len(claim.outcomes)
            if ends > 1:
                yield Violation("more than one outcome", str(claim))
            if ends and claim.accepted is False:
                yield Violation("an outcome, though it was refused", str(claim))
            if ends and claim.ref in held:
                yield Violation("an outcome, though it is still held", str(claim))
            if not ends and claim.accepted and claim.ref not in held:
                yield Violation("lost: accepted, no outcome and not held", str(claim))

    def _applications(self, times: Counter[str]) -> Iterator[Violation]:
        for ref in times.keys() - self.claims.keys():
            yield Violation("applied, but never submitted", ref)
        for claim in self.claims.values():
            for rule in _broken(claim, times[claim.ref], self.delivery):
                yield Violation(rule, f"{claim}; applied {times[claim.ref]} times")

    def _overtakings(self, refs: list[str]) -> Iterator[Violation]:
        first = {ref: place for place, ref in reversed(list(enumerate(refs)))}
        latest: dict[str, Claim] = {}
        for claim in self._order:
            if claim.subject is None or claim.ref not in first:
                continue
            before = latest.get(claim.subject)
            if before is not None and first[before.ref] > first[claim.ref]:
                yield Violation("overtook an earlier event of its subject", f"{claim}; the earlier one is {before}")
            elif ("delivered", False) in claim.outcomes or ("delivered", True) in claim.outcomes:
                latest[claim.subject] = claim

    def _numbers(self, counts: Counts) -> Iterator[Violation]:
        reported = Counter(verdict for claim in self.claims.values() for verdict, _ in claim.outcomes)
        ended = sum(counts.outcomes.values())
        if counts.accepted != ended + counts.queued + counts.in_flight:
            sums = f"{counts.accepted} != {ended} + {counts.queued} + {counts.in_flight}"
            yield Violation("accepted != outcomes + queued + in flight", sums)
        if reported != Counter(counts.outcomes):
            yield Violation(
                "the counted outcomes are not those reported", f"{dict(counts.outcomes)} and {dict(reported)}"
            )


def _broken(claim: Claim, times: int, delivery: Delivery) -> Iterator[str]:
    """The rules that this many applications break."""
    marked = any(mark for _, mark in claim.outcomes)
    verdicts = {verdict for verdict, _ in claim.outcomes}
    excused = marked or claim.repeat in _RESENT_UNANSWERED[delivery]
    if times and claim.accepted is False:
        yield "applied, though it was refused"
    if not times and "delivered" in verdicts:
        yield "delivered, but never applied"
    if times and "expired" in verdicts:
        yield "expired, but applied"
    if times and not excused and verdicts & {"rejected", "abandoned"}:
        yield f"{'rejected' if 'rejected' in verdicts else 'abandoned'}, but applied"
    if times > _most(claim.repeat, delivery, marked):
        yield "applied more often than its class allows"


def _most(repeat: Idempotency, delivery: Delivery, marked: bool) -> float:
    """How often an event may be applied at most."""
    if repeat == "safe":
        return float("inf")
    if repeat == "at_most_once" or delivery == "at_most_once":
        return 1
    return float("inf") if repeat == "idempotent" or marked else 1
