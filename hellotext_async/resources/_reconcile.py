"""What became of requests whose outcome is unknown: looked up where the API can answer, with GETs alone.

Rules. Each collection is read once for all that is asked of it. An absence is believed only
`settle` seconds after the request, since the API processes some of what it takes later; what is
absent then is looked up once more. Where it cannot be distinguished from another (two alike, one
found), it stays unknown. Times are compared on the server's clock, as its Date header gives it.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import aclosing
from typing import Any, Final, Literal

import msgspec

from .._wire.call import Sends
from .._wire.codec import Answer
from .._wire.pages import Page
from .._wire.reply import http_date
from ..errors import Asked
from ._evidence_of import Question, Unanswerable, keys_of, question_of
from ._listing import Listing
from ._profile import Profile
from .profiles import Profiles

__all__ = ["Reconciled", "reconcile"]

_SLACK: Final = 2.0
"""Seconds: both clocks are read in whole ones."""


class Reconciled(msgspec.Struct, frozen=True, kw_only=True):
    """What a look into the API says of a request: `verdict`, the `reason` for it, and the `id` of what was found.

    ``not_delivered`` was certainly not applied, and can be sent again. ``unknown`` stays what it
    was. `of` is what was asked about, as it was given.
    """

    verdict: Literal["delivered", "not_delivered", "unknown"]
    reason: str
    of: object
    id: str | None = None

    def __repr__(self) -> str:
        return f"Reconciled({self.verdict}, {self.reason!r})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("verdict", self.verdict), ("reason", self.reason)]


async def reconcile(
    sends: Sends,
    things: Iterable[tuple[object, Asked | str | bool]],
    *,
    settle: float,
    pages: int,
    wall: Callable[[], float] = time.time,
) -> list[Reconciled]:
    """One result for each of `things`: what was given, with what it asked (or why that is not known; True: applied)."""
    results: dict[int, Reconciled] = {}
    questions: dict[int, Question] = {}
    given = list(things)
    for place, (of, asked) in enumerate(given):
        try:
            if isinstance(asked, Asked):
                questions[place] = question_of(asked)
            elif asked is True:
                results[place] = Reconciled(verdict="delivered", reason="a 2xx was read", of=of)
            else:
                results[place] = Reconciled(verdict="unknown", reason=str(asked), of=of)
        except Unanswerable as why:
            results[place] = Reconciled(verdict="unknown", reason=str(why), of=of)
    found = await _look_up(sends, questions, pages, wall)
    absent = {place: question for place, question in questions.items() if found[place].verdict == "not_delivered"}
    early = max((question.since for question in absent.values()), default=0.0) + settle - wall()
    if absent and early > 0:
        await sends.pause(early)
        found |= await _look_up(sends, absent, pages, wall)
    for place, seen in found.items():
        results[place] = msgspec.structs.replace(seen, of=given[place][0])
    return [results[place] for place in range(len(given))]


async def _look_up(
    sends: Sends, questions: dict[int, Question], pages: int, wall: Callable[[], float]
) -> dict[int, Reconciled]:
    by_collection: defaultdict[Any, dict[int, Question]] = defaultdict(dict)
    for place, question in questions.items():
        by_collection[question.collection][place] = question
    found: dict[int, Reconciled] = {}
    for collection, asked in by_collection.items():
        reading = _Reading(asked, wall)
        # What was active lately moves in a list that is sorted by activity.
        sort = "created_at" if collection is Profiles else None
        complete = await reading.read(collection(sends)._listing({"limit": 100, "sort": sort}), pages)  # pyright: ignore[reportPrivateUsage]
        found |= {place: reading.result(place, complete=complete) for place in asked}
    return found


class _Reading:
    """One collection, read for the questions that are asked of it."""

    def __init__(self, questions: dict[int, Question], wall: Callable[[], float]) -> None:
        self._questions = questions
        self._wall = wall
        self._ahead = 0.0
        self._by_key: defaultdict[str, list[int]] = defaultdict(list)
        self._found: defaultdict[int, list[Answer]] = defaultdict(list)
        for place, question in questions.items():
            self._by_key[question.key].append(place)
        self._collection = next(iter(questions.values())).collection

    async def read(self, listing: Listing[Any], most: int) -> bool:
        """Read it to its end, or to `most` pages; whether it was the end."""
        async with aclosing(listing.pages()) as pages:
            async for page in pages:
                if not most:
                    return False
                most -= 1
                self._ahead = _ahead(page, self._wall)
                for item in page.items:
                    self._note(item)
        return True

    def _note(self, item: Answer) -> None:
        for key in set(keys_of(self._collection, item)):
            for place in self._by_key.get(key, ()):
                if self._questions[place].matches(item):
                    self._found[place].append(item)

    def result(self, place: int, *, complete: bool) -> Reconciled:
        """What was learned of one question."""
        question = self._questions[place]
        found = self._found[place]
        since = question.since + self._ahead - _SLACK
        new = [item for item in found if _made_at(item) >= since]
        if not found:
            return _unknown("the list is too long") if not complete else _absent("the API has no such object")
        if isinstance(found[0], Profile):
            return _of_profile(found[0], question, new=bool(new))
        if not question.own:
            return _unknown("its object is there, which another event may have made")
        alike = self._alike(question)
        if len(new) >= len(alike):
            return _delivered("it is there", new[alike.index(place)])
        if not complete:
            return _unknown("the list is too long")
        if new:
            return _unknown(f"{len(alike)} alike were sent, and {len(new)} found")
        if question.event:
            return _unknown("its object was there before")
        return _absent("only one from before is there")

    def _alike(self, question: Question) -> Sequence[int]:
        return [place for place in self._by_key[question.key] if self._questions[place].fields == question.fields]


def _of_profile(profile: Profile, question: Question, *, new: bool) -> Reconciled:
    """A profile that is older may have been brought up to date: then it has the names that were given."""
    if new or (question.whole and question.agrees(profile)):
        return _delivered("the profile has what was sent", profile)
    return _unknown("the profile was there before; to update it once more does no harm")


def _delivered(reason: str, item: Answer) -> Reconciled:
    return Reconciled(verdict="delivered", reason=reason, of=None, id=getattr(item, "id", None))


def _absent(reason: str) -> Reconciled:
    return Reconciled(verdict="not_delivered", reason=reason, of=None)


def _unknown(reason: str) -> Reconciled:
    return Reconciled(verdict="unknown", reason=reason, of=None)


def _made_at(item: Answer) -> float:
    moment = getattr(item, "created_at", None)
    return moment.timestamp() if moment is not None else float("inf")


def _ahead(page: Page[Any], wall: Callable[[], float]) -> float:
    """Seconds by which the server's clock is ahead of ours."""
    for name, value in () if page.response is None else page.response.headers:
        if name.lower() == "date" and (there := http_date(value)) is not None:
            return there - wall()
    return 0.0
