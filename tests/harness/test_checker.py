"""The checker accepts what the rules allow, and finds each broken rule."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.harness.checker import Idempotency, Submissions, Verdict
from tests.harness.seen import Seen


@dataclass
class Numbers:
    accepted: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    queued: int = 0
    in_flight: int = 0


def done(*refs: str) -> list[Seen]:
    """Applications of these events, in this order."""
    return [Seen(n, 1, n, body=b'{"metadata":{"ref":"%s"}}' % ref.encode()) for n, ref in enumerate(refs, 1)]


def submissions(
    *events: tuple[str, Idempotency, Verdict | None], delivery: Any = "careful", marked: bool = False
) -> Submissions:
    """Submissions of accepted events of one subject."""
    book = Submissions(delivery)
    for ref, repeat, verdict in events:
        book.offered(ref, repeat, "p1")
        book.accepted(ref)
        if verdict:
            book.ended(ref, verdict, maybe_duplicated=marked)
    return book


@pytest.mark.parametrize(
    ("book", "applied"),
    [
        (submissions(("a", "non_idempotent", "delivered"), ("b", "idempotent", "delivered")), "a b b"),
        (submissions(("a", "non_idempotent", "unknown"), ("b", "at_most_once", "unknown")), "b"),
        (submissions(("a", "non_idempotent", "delivered"), marked=True), "a a"),
        (
            submissions(
                ("a", "idempotent", "rejected"), ("b", "non_idempotent", "expired"), ("c", "at_most_once", "rejected")
            ),
            "a",
        ),
        (submissions(("a", "non_idempotent", "unknown"), ("b", "non_idempotent", "delivered")), "b a"),
        (submissions(("a", "non_idempotent", "rejected"), delivery="at_least_once"), "a"),
        (submissions(("a", "non_idempotent", "rejected"), marked=True), "a"),
        (submissions(("a", "idempotent", "delivered"), ("b", "idempotent", "delivered")), "a b a"),
    ],
)
def test_the_checker_accepts_what_the_rules_allow(book: Submissions, applied: str) -> None:
    """Retries of idempotent events, marked duplicates and unknown outcomes are no violation."""
    book.verify(done(*applied.split()))


@pytest.mark.parametrize(
    ("book", "applied", "rule"),
    [
        (submissions(("a", "idempotent", "delivered")), "", "delivered, but never applied"),
        (submissions(("a", "non_idempotent", "rejected")), "a", "rejected, but applied"),
        (submissions(("a", "non_idempotent", "abandoned")), "a", "abandoned, but applied"),
        (submissions(("a", "idempotent", "expired")), "a", "expired, but applied"),
        (submissions(("a", "non_idempotent", "delivered")), "a a", "applied more often than its class allows"),
        (submissions(("a", "at_most_once", "unknown"), marked=True), "a a", "applied more often than its class allows"),
        (submissions(("a", "idempotent", "delivered"), delivery="at_most_once"), "a a", "applied more often"),
        (submissions(("a", "non_idempotent", "delivered"), delivery="at_least_once"), "a a", "applied more often"),
        (submissions(("a", "non_idempotent", None)), "a", "lost: accepted, no outcome and not held"),
        (submissions(), "x", "applied, but never submitted"),
        (
            submissions(("a", "non_idempotent", "delivered"), ("b", "idempotent", "delivered")),
            "b a",
            "overtook an earlier",
        ),
    ],
)
def test_the_checker_finds_each_broken_rule(book: Submissions, applied: str, rule: str) -> None:
    """Every broken rule is named once, with its event."""
    (found,) = book.violations(done(*applied.split()))
    assert str(found).startswith(rule) and found.about
    with pytest.raises(AssertionError, match=rule):
        book.verify(done(*applied.split()))


def test_the_checker_compares_with_the_accepted_events() -> None:
    """A second outcome, one of a refused or held event, and a refused event that was applied are violations."""
    book = submissions(("twice", "non_idempotent", "unknown"), ("held", "non_idempotent", "unknown"))
    book.ended("twice", "unknown")
    for ref in ("refused", "not known"):
        book.offered(ref)
    book.refused("refused")
    book.ended("refused", "unknown")
    found = book.violations(done("refused", "not known"), held=["held"])
    assert [violation.rule for violation in found] == [
        "more than one outcome",
        "an outcome, though it is still held",
        "an outcome, though it was refused",
        "applied, though it was refused",
    ]


def test_the_checker_adds_up_the_numbers() -> None:
    """accepted == outcomes + queued + in flight, and the counted outcomes are those reported."""
    book = submissions(("a", "non_idempotent", "delivered"), ("b", "non_idempotent", None))
    right = Numbers(accepted=2, outcomes={"delivered": 1, "expired": 0}, queued=1)
    book.verify(done("a"), held=["b"], counts=right)
    right.queued = 0
    right.outcomes = {"rejected": 1}
    rules = [violation.rule for violation in book.violations(done("a"), held=["b"], counts=right)]
    assert rules == ["accepted != outcomes + queued + in flight", "the counted outcomes are not those reported"]
