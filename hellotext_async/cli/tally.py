"""The account of an input: how every row ended, why those that were not delivered were not, and how fast it goes."""

from __future__ import annotations

import time
from collections import Counter
from typing import Final

import msgspec

from ..errors import APIError, HellotextError
from ..queue.outcome import Outcome, Report
from .checkpoint import Checkpoint
from .output import say
from .reasons import Reasons, reason_of
from .rows import Row
from .table import table

__all__ = ["Tally"]

FINAL: Final = frozenset({"delivered", "valid", "imported", "rejected", "unknown", "expired", "bad", "skipped"})
"""Ends after which a row is not read again."""


class Tally:
    """How every row ended, the `good` ones under that name. ``rows == outcomes.total()`` once all have."""

    def __init__(self, checkpoint: Checkpoint | None = None, *, good: str = "delivered") -> None:
        self.began = time.monotonic()
        self.rows = 0
        self.outcomes: Counter[str] = Counter()
        self.reasons = Reasons()
        self.fed = self.ended = 0
        self.found = 0
        self.duplicated = 0
        self.stopped = self.unsaved = self.earlier_died = False
        self.unreadable: str | None = None
        self.report: Report | None = None
        self.rate: float | None = None
        self._checkpoint = checkpoint
        self._good = good

    def begin(self, row: Row) -> bool:
        """A row was read; False if an earlier run has ended it, or it is blank."""
        self.rows += 1
        self.fed += row.size
        checkpoint = self._checkpoint
        if checkpoint is not None:
            checkpoint.begin(row.number)
            if checkpoint.has(row.number):
                self.outcomes["skipped"] += 1
                self.ended += row.size
                checkpoint.end(row.number, None)
                return False
        if row.fields is None and row.problem is None:
            self.end(row, "skipped")
            return False
        return True

    def end(self, row: Row, outcome: str, *, final: bool = True) -> None:
        """A row has ended so; if that is not `final`, the next run reads it again."""
        self.outcomes[outcome] += 1
        self.ended += row.size
        if self._checkpoint is not None and final and outcome in FINAL:
            self._checkpoint.end(row.number, outcome)

    def bad(self, row: Row, problem: str) -> None:
        """A row holds no event. One that may be whole later is read again then."""
        self.reasons.add(row.line, problem)
        self.end(row, "bad", final=row.whole)

    def add(self, row: Row, outcome: Outcome) -> None:
        """The outcome of a row's event."""
        if not outcome.delivered and outcome.verdict != "abandoned":
            self.reasons.add(row.line, f"{outcome.verdict}: {reason_of(outcome.error)}")
        self.duplicated += outcome.maybe_duplicated
        self.end(row, self._good if outcome.delivered else outcome.verdict)

    # What is shown.

    def status_line(self, size: int | None, read: int) -> str:
        """Where it stands: how the rows ended, the learned limit, and the time that is left."""
        good, bad = self.outcomes[self._good], self.outcomes["bad"]
        others = self.outcomes.total() - good - bad - self.outcomes["skipped"]
        speed = good / max(time.monotonic() - self.began, 1e-9)
        parts = [f"{good:,} {self._good}, {others:,} not, {bad:,} bad, {speed:,.0f}/s"]
        if self.rate is not None:
            parts.append(f"limit {self.rate:,.0f}/s")
        done = self.position(read)
        if size and done > 0 and good:  # while nothing is delivered, it is unknown
            left = (time.monotonic() - self.began) * (size - done) / done
            parts.append(f"{_clock(left)} left" if left >= 1 else "")
        return ", ".join(filter(None, parts))

    def position(self, read: int) -> float:
        """How many of the `read` bytes of the input have ended; of a compressed one, in proportion."""
        return read * self.ended / self.fed if self.fed else 0.0

    @property
    def all_delivered(self) -> bool:
        """Whether nothing is left to worry about, what an earlier run left in the spool included."""
        report = self.report
        if self.stopped or self.unreadable or (report is not None and (report.kept or report.queued)):
            return False
        outcomes = {} if report is None else report.outcomes
        earlier = all(number == 0 for verdict, number in outcomes.items() if verdict != "delivered")
        return earlier and self.outcomes.total() == self.outcomes[self._good] + self.outcomes["skipped"]

    def show(self, failure: HellotextError | None = None) -> None:
        """The report, for people. `failure` ended the run early, and is said elsewhere."""
        names = {"bad": "bad lines"}
        rows: list[tuple[str, object]] = [("lines", self.rows)]
        rows += [(names.get(name, name), number) for name, number in sorted(self.outcomes.items()) if number]
        rows += [("maybe duplicated", self.duplicated)] if self.duplicated else []
        rows += [("found in the spool", self.found)] if self.found else []
        rows += [("left in the spool", self.report.kept)] if self.report and self.report.kept else []
        parts = [table([*rows, ("time", f"{time.monotonic() - self.began:.1f} s")])]
        parts += [f"{number:,} x {reason}" for reason, number in self.reasons.counts.most_common(20)]
        say("\n".join([*parts, *self._remarks(failure)]))

    def _remarks(self, failure: HellotextError | None) -> list[str]:
        report = self.report
        remarks = [f"the input could not be read to its end ({self.unreadable})"] if self.unreadable else []
        if self.earlier_died:
            remarks.append("the run before this one died: what it had under way was sent again, and may be doubled")
        if self.unsaved:
            remarks.append("the checkpoint does not have all of this: the next run sends some of it again")
        if report is not None and report.suspended:
            remarks.append(f"stopped: {report.error}")
        elif self.stopped:
            reason = "by a signal" if failure is None else "early"
            remarks.append(f"stopped {reason}: what follows in the input was not read")
        return remarks

    def show_json(self, failure: HellotextError | None = None) -> None:
        """The report, for programs: one object on one line."""
        report, error = self.report, self.report.error if self.report else None
        say(msgspec.json.encode({
            "lines": self.rows,
            "outcomes": dict(self.outcomes),
            "reasons": dict(self.reasons.counts),
            "maybe_duplicated": self.duplicated,
            "found_in_spool": self.found,
            "left_in_spool": report.kept if report else 0,
            "stopped": self.stopped,
            "suspended": bool(report and report.suspended),
            "status": error.status if isinstance(error, APIError) else None,
            "unreadable": self.unreadable,
            "failure": None if failure is None else str(failure),
            "checkpoint_behind": self.unsaved,
            "earlier_run_died": self.earlier_died,
            "all_delivered": self.all_delivered,
            "seconds": round(time.monotonic() - self.began, 3),
        }).decode())  # fmt: skip


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
