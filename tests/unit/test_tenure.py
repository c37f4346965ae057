"""The tenure of a shard: when it can be released, and what is recorded again."""

from __future__ import annotations

from math import inf

from hellotext_async.fleet.commands import Ending
from hellotext_async.fleet.record import Mark
from hellotext_async.fleet.tenure import Tenure

ENTRY = "1-1"


def test_a_lease_that_is_renewed_keeps_no_shard_from_being_given_back() -> None:
    """A refused renewal loses nothing."""
    tenure = Tenure(0, "me", 1, inf)
    tenure.step()
    assert tenure.idle


def test_what_is_in_flight_is_noted_again_as_it_was() -> None:
    """After the server lost it; a newer mark is not overwritten."""
    tenure = Tenure(0, "me", 1, inf)
    tenure.mark_first(ENTRY)
    tenure.mark("2-1", Mark(1, 2, in_flight=True))
    noted = dict(tenure.step().marks)
    assert set(noted) == {ENTRY, "2-1"}
    newer = Mark(1, 3, 1, in_flight=True)
    tenure.mark("2-1", newer)
    tenure.note_again()
    assert dict(tenure.step().marks) == {ENTRY: noted[ENTRY], "2-1": newer.text()}


def test_the_oldest_event_of_a_shard_is_the_first_that_has_not_ended() -> None:
    """Unknown before anything was read; when all have ended, there is none older than now."""
    tenure = Tenure(0, "me", 1, inf)
    assert tenure.oldest_ms(5000) is None
    tenure.cursor = "1700-3"
    tenure.entries = {"1500-0": None, "1700-3": None}
    assert tenure.oldest_ms(5000) == 1500
    for entry in ("1500-0", "1700-3"):
        tenure.end(Ending(entry, 10, b"", "D"))
    assert tenure.oldest_ms(5000) == 5000
