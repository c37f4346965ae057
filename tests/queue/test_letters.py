"""The file of dead letters: what is written, what is kept while writing fails, and how a damaged file is read."""

from __future__ import annotations

import asyncio
import shutil
import tracemalloc
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hellotext_async import (
    ConfigurationError,
    DeadLetters,
    Event,
    EventQueue,
    Hellotext,
    Letter,
    Outcome,
    SqliteSpool,
)
from hellotext_async.errors import NotSent, QueueClosed
from hellotext_async.queue.letters import append, reason
from tests.harness.clock import virtual_time
from tests.harness.seen import Seen
from tests.harness.transport import Script, answers
from tests.rig import LoopSpool, queue


def letter(number: int, **more: object) -> Letter:
    fields = {"action": "page.viewed", "session": f"s{number}"}
    raw = {"event_id": f"e{number}", "action": "page.viewed", "verdict": "rejected", "payload": fields, **more}
    return msgspec.json.decode(msgspec.json.encode(raw), type=Letter)


def test_a_letter_begins_on_a_line_of_its_own(tmp_path: Path) -> None:
    """Also after a truncated line; the file is created, and only complete letters are listed."""
    path = tmp_path / "dead.jsonl"
    append(path, [letter(1)])
    with path.open("ab") as file:
        file.write(b'{"event_id": "half')
    append(path, [letter(2), letter(3)])
    letters = DeadLetters(path)
    assert [one.event_id for one in letters] == ["e1", "e2", "e3"]
    assert letters.damaged == 1
    found = letters.get("e2")
    assert found is not None
    assert repr(found) == "Letter('e2', rejected)"
    assert letters.get("e9") is None


@pytest.mark.parametrize("store", ["folder", "letters"])
async def test_clients_of_different_businesses_share_no_file(store: str, tmp_path: Path) -> None:
    """Not while both are open: after a restart each could send what the other left. Of one business they may."""
    (tmp_path / "link").symlink_to(tmp_path)

    def open_queue(client: Hellotext, place: Path) -> EventQueue:
        if store == "folder":
            return client.event_queue(buffer=SqliteSpool.in_folder(place))
        return client.event_queue(dead_letters=place / "dead.jsonl")

    async with (
        Hellotext("greens", enabled=False) as greens,
        Hellotext("greens", enabled=False) as again,
        Hellotext("reds", enabled=False) as reds,
        Hellotext("greens", base_url="https://other.example", enabled=False) as elsewhere,
    ):
        async with open_queue(greens, tmp_path), open_queue(again, tmp_path):
            for other in (reds, elsewhere):
                with pytest.raises(ConfigurationError, match="is used by a client of another token or base_url"):
                    await open_queue(other, tmp_path / "link").open()
        async with open_queue(reds, tmp_path):
            await asyncio.sleep(0)


def test_a_file_of_weeks_is_read_without_what_has_left_its_list(tmp_path: Path) -> None:
    """Nothing is ever taken out of the file, and most of it was replayed: a tenth of its size is enough memory."""
    path = tmp_path / "dead.jsonl"
    fields = {"action": "page.viewed", "session": "s", "metadata": {"text": "x" * 5000}}
    append(path, [letter(0, payload=fields)])
    for start in range(1, 2000, 100):
        for verdict in ("expired", "replayed"):
            append(path, [letter(n, payload=fields, verdict=verdict) for n in range(start, start + 100)])
    tracemalloc.start()
    try:
        assert [one.event_id for one in DeadLetters(path)] == ["e0"]
        assert tracemalloc.get_traced_memory()[1] < path.stat().st_size / 10
    finally:
        tracemalloc.stop()


async def test_a_file_that_was_moved_is_begun_anew(tmp_path: Path) -> None:
    """As a program that rotates files does, while the queue is open: letters go to the name that it was given."""
    path = tmp_path / "dead.jsonl"
    async with queue(Script(default=answers(422)), dead_letters=path) as opened:
        await opened.track("page.viewed", session="s", event_id="e1")
        path.rename(tmp_path / "moved.jsonl")
        await opened.track("page.viewed", session="s", event_id="e2")
    assert [one.event_id for one in DeadLetters(tmp_path / "moved.jsonl")] == ["e1"]
    assert [one.event_id for one in DeadLetters(path)] == ["e2"]


def test_a_letter_becomes_the_event_that_it_was() -> None:
    """With its id, and with the ordering key where that is not its profile or session."""
    assert letter(1, subject="s1").event() == Event("page.viewed", session="s1", event_id="e1")
    assert letter(1, subject="mine").event() == Event("page.viewed", session="s1", event_id="e1", order_key="mine")


def test_the_reason_names_the_error_and_no_error_has_none() -> None:
    """The error's text contains no customer's data."""
    assert reason(None) == ""
    assert reason(NotSent("dns", attempts=1)).startswith("NotSent: ")


@virtual_time
async def test_an_event_whose_letter_is_written_late_leaves_the_spool_and_has_one_outcome(tmp_path: Path) -> None:
    """It stays in the spool meanwhile; its outcome is reported at once, and once only."""
    folder = tmp_path / "letters"
    outcomes: list[Outcome] = []
    spool = LoopSpool(tmp_path / "s.db")
    given: dict[str, Any] = {"dead_letters": folder / "dead.jsonl", "buffer": spool, "on_outcome": outcomes.append}
    folder.mkdir()
    async with queue(Script(default=answers(422)), **given) as opened:
        folder.rmdir()
        assert (await opened.track("page.viewed", session="s", event_id="e1")).verdict == "rejected"
        folder.mkdir()
        await asyncio.sleep(5)
        assert [one.event_id for one in DeadLetters(given["dead_letters"])] == ["e1"]
        assert [one.event_id for one in outcomes] == ["e1"]
    async with queue(Script(), buffer=spool) as again:
        assert again.stats().accepted == 0


@pytest.mark.parametrize("spool", [False, True], ids=["memory", "spool"])
async def test_letters_that_cannot_be_written_are_written_later(
    tmp_path: Path, spool: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """The outcome does not wait for them, the log reports it, and nothing is lost once they can be written."""
    folder = tmp_path / "letters"
    folder.mkdir()
    path = folder / "dead.jsonl"
    buffer = SqliteSpool(tmp_path / "s.db") if spool else None
    async with queue(Script(default=answers(422)), dead_letters=path, buffer=buffer) as opened:
        assert (await opened.track("page.viewed", session="s", event_id="e1")).verdict == "rejected"
        shutil.rmtree(folder)
        assert (await opened.track("page.viewed", session="s", event_id="e2")).verdict == "rejected"
        assert (await opened.track("page.viewed", session="s", event_id="e3")).verdict == "rejected"
        folder.mkdir()
    assert "dead.jsonl cannot be opened (No such file or directory)" in caplog.text
    assert [one.event_id for one in DeadLetters(path)] == ["e2", "e3"]


async def test_a_letter_whose_payload_is_no_event_is_left_where_it_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The log names it; the others are replayed."""
    path = tmp_path / "dead.jsonl"
    strange = [letter(number, payload=payload) for number, payload in ((1, [1]), (2, {"session": 5}), (3, {"a": 1}))]
    append(path, [*strange, letter(4)])
    async with queue(Script()) as opened:
        replayed = [outcome.event_id async for outcome in DeadLetters(path).replay(opened)]
    assert replayed == ["e4"]
    assert [f"letter e{number} is no event" in caplog.text for number in (1, 2, 3)] == [True] * 3
    assert [one.event_id for one in DeadLetters(path)] == ["e1", "e2", "e3"]


async def test_an_event_that_the_api_recognises_is_not_announced(tmp_path: Path) -> None:
    """A crash of the replay leaves it as it was: a repetition does no harm."""
    path = tmp_path / "dead.jsonl"
    order = {"action": "order.placed", "order": "wx4Vn4no", "profile": "MzYwlE50"}
    append(path, [letter(1, action="order.placed", payload=order), letter(2)])
    seen: dict[str, str] = {}

    def look(_: Seen) -> None:
        seen.update({one.event_id: one.verdict for one in DeadLetters(path)})

    async with queue(Script(hook=look)) as opened:
        assert [outcome.delivered async for outcome in DeadLetters(path).replay(opened)] == [True, True]
    assert seen == {"e1": "rejected", "e2": "unknown"}


async def test_what_may_have_been_applied_stays_so_after_a_replay_that_failed(tmp_path: Path) -> None:
    """Two of them; what was certainly not applied has the replay's verdict."""
    path = tmp_path / "dead.jsonl"
    append(path, [letter(1, verdict="unknown"), letter(2, verdict="expired")])
    async with queue(Script(default=answers(422))) as opened:
        for _ in range(2):
            ended = [outcome.verdict async for outcome in DeadLetters(path).replay(opened, include_unknown=True)]
            assert ended == ["rejected", "rejected"]
    assert [one.verdict for one in DeadLetters(path)] == ["unknown", "rejected"]


async def test_letters_that_were_not_handed_over_stay_as_they_were(tmp_path: Path) -> None:
    """The queue is closed in the middle of a replay."""
    path = tmp_path / "dead.jsonl"
    append(path, [letter(number) for number in range(400)])
    async with queue(Script()) as opened:
        delivered = 0
        with pytest.raises(QueueClosed):
            async for _ in DeadLetters(path).replay(opened):
                delivered += 1
                if delivered == 10:
                    await opened.aclose()
    assert {one.verdict for one in DeadLetters(path)} == {"rejected"}
    assert len(list(DeadLetters(path))) == 400 - delivered


async def test_only_letters_of_a_stream_are_put_back(tmp_path: Path) -> None:
    """Those of a file are replayed: the error points to that."""
    append(tmp_path / "dead.jsonl", [letter(1)])
    with pytest.raises(TypeError, match=r"replay\(\)"):
        await DeadLetters(tmp_path / "dead.jsonl").requeue()
