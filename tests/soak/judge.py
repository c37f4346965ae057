"""Compares what the server received with the results that the programs got: every broken rule, one sentence each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from .history import Call, Event, History
from .plan import Round
from .server import Records, Seen

__all__ = ["Exit", "judge"]

NEVER: Final = ("rejected", "expired", "abandoned")
"""Outcomes that prove that the event was not applied."""

LETTERS: Final = ("rejected", "unknown", "expired")
NOISE: Final = ("Traceback (most recent call last)", "never retrieved", "Task was destroyed", "never awaited")


@dataclass(slots=True)
class Exit:
    """A program's exit status, and its stderr."""

    status: int
    stderr: str = ""

    @property
    def killed(self) -> bool:
        """Whether it was killed."""
        return self.status == -9


def judge(plan: Round, records: Records, history: History, exits: dict[str, Exit]) -> list[str]:
    """Every broken rule."""
    found = [*_programs(plan, history, exits), *(f"the server got nonsense: {wrong}" for wrong in records.wrong)]
    found += [*history.strange, *_numbers(plan, history, exits), *_in_order(plan, records, history)]
    applied = Counter(seen.key for seen in records.applied)
    found += [f"applied, but never offered: event {key}" for key in applied.keys() - history.events.keys()]
    for event in history.events.values():
        found += [
            f"{rule}: {_describe(event, applied[event.key])}" for rule in _broken(plan, event, applied, history, exits)
        ]
    found += _sent_again(records, history)
    return found


def _describe(event: Event, times: int) -> str:
    ends = [f"{end.verdict}{' marked' if end.marked else ''} ({end.by} in {end.program})" for end in event.ends]
    calls = [
        f"{call.how} in {call.program}"
        + "".join(f" {name}" for name in ("accepted", "refused", "cancelled", "kept") if getattr(call, name))
        for call in event.calls
    ]
    kind = "order" if event.idempotent else "view"
    return (
        f"event {event.key} ({kind}, subject {event.subject}), applied {times} times; {calls}; {ends}; {event.letters}"
    )


# Programs.


def _programs(plan: Round, history: History, exits: dict[str, Exit]) -> Iterator[str]:
    planned = {life.name: life.ending.way for step in plan.steps for life in step.lives}
    for program, ended in exits.items():
        wanted = -9 if planned[program] == "kill" else 0
        if ended.status != wanted:
            yield f"program ended with {ended.status} instead of {wanted}: {program}: {ended.stderr[-3000:]}"
        elif any(word in ended.stderr for word in NOISE):
            yield f"a traceback on stderr: {program}: {ended.stderr[-3000:]}"
    for program, line in history.of("error"):
        yield f"an unexpected error: {program}: {line['text'][-2000:]}"
    for program, line in history.of("hang"):
        yield f"hang: {line['what']}: {program} {line}"
    for program, line in history.of("forked"):
        closed = [one["t"] for one in history.lines[program] if one["kind"] in ("closing", "leaving")]
        if line["got"] != line["want"] and not (closed and closed[0] < line["t"]):
            yield f"{line['action']}: {line['got']} instead of {line['want']}: {program}"


def _numbers(plan: Round, history: History, exits: dict[str, Exit]) -> Iterator[str]:
    for program, line in history.of("stats"):
        if not line["right"]:
            yield f"the numbers do not add up: {program}: {line}"
    hooked = {life.name for step in plan.steps for life in step.lives if life.hook}
    for program in exits:
        last = [line for line in history.lines[program] if line["kind"] == "stats" and line["final"]]
        if not last or program not in hooked:
            continue
        counted: Counter[str] = Counter()
        for line in last:
            counted.update(line["outcomes"])
        hooks = Counter(line["verdict"] for line in history.lines[program] if line["kind"] == "hook")
        if +counted != hooks:
            yield f"the counted outcomes are not those of the hook: {program}: {dict(counted)} and {dict(hooks)}"


# Events.


def _broken(
    plan: Round, event: Event, applied: Counter[str], history: History, exits: dict[str, Exit]
) -> Iterator[str]:
    times = applied[event.key]
    if any(call.how == "fork" for call in event.calls):
        return  # its child is not waited for
    yield from _calls(plan, event, times, history, exits)
    yield from _lost(plan, event, times)
    yield from _ends(plan, event, times)


def _taken_back(history: History, call: Call, exits: dict[str, Exit]) -> bool:
    """Whether a cancelled call is certainly undone: a program that was killed, or left, may not have reached that."""
    left = any(line["kind"] == "leaving" for line in history.lines[call.program])
    return call.cancelled and not left and not exits[call.program].killed


def _calls(plan: Round, event: Event, times: int, history: History, exits: dict[str, Exit]) -> Iterator[str]:
    """Every caller gets a result, and refused events are not sent."""
    for call in event.calls:
        if call.taken_at is not None and not call.over and not exits[call.program].killed:
            yield f"no end of a receipt ({call.how})"
        if call.kept and plan.buffer == "memory":
            yield "kept, though there is no spool"
        if call.kept and call.end is not None:
            yield "kept and ended"
    if times and all(call.refused or _taken_back(history, call, exits) for call in event.calls):
        yield "applied, though every call was refused or cancelled"


def _lost(plan: Round, event: Event, times: int) -> Iterator[str]:
    """An accepted, durable event has an outcome or a dead letter, or a program was killed before it got it."""
    safe = plan.buffer != "memory" and any(call.accepted or call.kept for call in event.calls)
    if not safe or event.ends or event.letters:
        return
    if not times or (event.given and plan.buffer == "spool"):
        yield "lost"


def _ends(plan: Round, event: Event, times: int) -> Iterator[str]:
    verdicts = {end.verdict for end in event.ends}
    marked = any(end.marked for end in event.ends)
    if len(verdicts) > 1:
        yield "two different outcomes"
    if sum(end.by == "hook" for end in event.ends) > 1:
        yield "the hook was called twice"
    if "delivered" in verdicts and not times:
        yield "delivered, but never applied"
    for verdict in verdicts & set(NEVER):
        if times:
            yield f"{verdict}, but applied"
    if times > 1 and plan.delivery == "at_most_once":
        yield "applied twice under at_most_once"
    elif times > 1 and event.ends and not event.idempotent and not marked:
        yield "applied twice and not marked"
    if verdicts & set(LETTERS) and not event.letters:
        yield "no letter"
    # Put again it is another event; a spool sends again what was killed between the letter and the commit.
    if plan.buffer == "memory" and "delivered" in verdicts and event.letters and len(event.calls) == 1:
        yield "a letter, though it was delivered"


def _sent_again(records: Records, history: History) -> Iterator[str]:
    """Once everything is settled, an id that was accepted before is remembered."""
    settled = history.settled_at
    if settled is None:
        return
    for seen in records.seen:
        event = history.events.get(seen.key)
        if event is None or seen.at < settled:
            continue
        if any(call.accepted and call.taken_at is not None and call.taken_at < settled for call in event.calls):
            yield f"sent again after everything was settled: {_describe(event, 0)}"


# Order.


def _in_order(plan: Round, records: Records, history: History) -> Iterator[str]:
    """Of one subject, what was taken before another was offered, and was delivered, is applied before it."""
    if plan.ordering is None:
        return
    first: dict[str, Seen] = {}
    times = Counter(seen.key for seen in records.applied)
    for seen in records.applied:
        first.setdefault(seen.key, seen)
    for subject in {event.subject for event in history.events.values()}:
        calls = [
            event.calls[0]
            for event in history.events.values()
            if event.subject == subject and len(event.calls) == 1 and event.key in first
        ]
        answered = {
            event.key for event in history.events.values() if {end.verdict for end in event.ends} == {"delivered"}
        }
        # A rejection ended it; a kill may have come before that was durable, and then it is sent once more.
        answered -= {seen.key for seen in records.seen if seen.kind == "422"}
        for one in calls:
            for other in calls:
                sure = one.key in answered and times[one.key] == 1  # else its answer may have been too late
                if sure and _before(plan, one, other) and _at(first[other.key]) < _at(first[one.key]):
                    yield f"out of order: event {other.key} overtook {one.key} of subject {subject} ({one.how})"


def _at(seen: Seen) -> float:
    return seen.applied_at or 0.0


def _before(plan: Round, one: Call, other: Call) -> bool:
    """Whether the first call certainly came before the other, in the same queue."""
    if plan.buffer == "folder" and one.program != other.program:
        return False
    return one.how in ("track", "put") and one.taken_at is not None and one.taken_at < other.offered_at
