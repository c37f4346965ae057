"""The instruments of the fault tests do what they say, each shown with nothing but sockets and plain code."""

from __future__ import annotations

import asyncio
import base64
import gzip
import logging
import os
import pickle
import ssl
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import pytest
import trustme

from hellotext_async._wire.call import Reply, Request
from hellotext_async.transport import Unanswered
from tests.harness import scripts, transport
from tests.harness.canary import EMAIL, PHONE, TOKEN, assert_unseen, hits_in, hits_in_file, hits_in_text
from tests.harness.cancel import Step, cancelled_after, fuzz
from tests.harness.checker import Idempotency, Ledger, Verdict
from tests.harness.clock import Deadlock, Endless, VirtualLoop, run_virtual, virtual_time
from tests.harness.crash import run_child
from tests.harness.middleman import Middleman
from tests.harness.scripts import RECEIVED, Steps
from tests.harness.seen import Seen
from tests.harness.server import ScriptedServer

BODY = b'{"action":"page.viewed","metadata":{"ref":"e1"}}'


def post(body: bytes = BODY, *headers: str) -> bytes:
    """One request, as bytes."""
    fields = [*headers] or [f"Content-Length: {len(body)}"]
    return "\r\n".join(["POST /v1/attribution/events HTTP/1.1", "Host: api", *fields, "", ""]).encode() + body


@asynccontextmanager
async def line(
    url: str, tls: ssl.SSLContext | None = None
) -> AsyncGenerator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A raw connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rsplit(":", 1)[1]), ssl=tls)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()
        try:
            await writer.wait_closed()
        except OSError:
            pass


async def ask(url: str, request: bytes | None = None, *, half_close: bool = True) -> bytes:
    """Everything that comes back for one request on a connection of its own."""
    async with line(url) as (reader, writer):
        writer.write(post() if request is None else request)
        if half_close:
            writer.write_eof()
        return await reader.read()


def body_of(response: bytes) -> bytes:
    """What follows the headers."""
    return response.partition(b"\r\n\r\n")[2]


# The scripted server


async def test_the_default_answer_keeps_the_connection_and_logs_what_came() -> None:
    """Two requests on one connection are answered, logged with their parts, and applied in their order."""
    async with ScriptedServer() as server:
        answer = await ask(server.url, post() + post(b"{}", "content-length: 2", "X-Name: a"))
    assert answer == scripts.response(200, RECEIVED) * 2
    first, second = server.history
    assert (first.method, first.target, first.body, first.complete) == ("POST", "/v1/attribution/events", BODY, True)
    assert (second.number, second.connection, second.header("x-name"), second.json) == (2, 1, "a", {})
    assert server.history.applied == [first, second]
    assert "e1" not in repr(first)


async def test_a_chunked_request_is_read_whole() -> None:
    """The body of a chunked request is put together, and the next request begins after its end."""
    chunked = post(b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n", "Transfer-Encoding: chunked")
    async with ScriptedServer() as server:
        await ask(server.url, chunked + post())
    assert [seen.body for seen in server.history] == [b"abcde", BODY]


async def test_scripts_are_chosen_by_number_then_in_turn_then_by_the_hook() -> None:
    """A number goes before the upcoming ones, these before the hook, the hook before the default."""
    server = ScriptedServer(hook=lambda seen: scripts.reply(202) if seen.number == 4 else None)
    server.on(2, scripts.reply(500))
    server.upcoming(scripts.refusal(422, "invalid"), scripts.reply(429, headers={"Retry-After": "1"}))
    async with server:
        answer = await ask(server.url, post() * 5)
    assert [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]] == [422, 500, 429, 202, 200]
    assert [seen.number for seen in server.history.applied] == [4, 5]


@pytest.mark.parametrize(
    ("script", "read", "applied"),
    [
        (scripts.rst_before_reading(), 0, 0),
        (scripts.apply_then_rst(), 1, 1),
        ((scripts.read_headers, scripts.send(b"HTTP/1.1 "), scripts.rst), 1, 0),
    ],
)
async def test_rst_breaks_the_connection_off(script: Steps, read: int, applied: int) -> None:
    """The peer sees a reset, and the history says how far the request came."""
    async with ScriptedServer(script) as server:
        with pytest.raises(ConnectionResetError):
            await ask(server.url, half_close=False)
        assert (server.begun, len(server.history), len(server.history.applied)) == (1, read, applied)


@pytest.mark.parametrize(("script", "read"), [(scripts.apply_then_fin(), 1), (scripts.fin_before_reading(), 0)])
async def test_fin_ends_the_connection_in_good_order(script: Steps, read: int) -> None:
    """The peer sees the end of the data and no error."""
    async with ScriptedServer(script) as server:
        assert await ask(server.url, half_close=False) == b""
        assert len(server.history.applied) == read


async def test_a_connection_can_break_before_anything_is_read() -> None:
    """A script for a connection is played when it is accepted; the next connection is served."""
    async with ScriptedServer() as server:
        server.on_connection(1, (scripts.rst,))
        async with line(server.url) as (reader, _):
            with pytest.raises(ConnectionResetError):
                await reader.read()
        assert body_of(await ask(server.url)) == RECEIVED
    assert (server.connections, server.begun) == (2, 1)


async def test_silence_applies_and_never_answers() -> None:
    """The request is in the history, and nothing comes back until the server closes."""
    async with ScriptedServer(scripts.silence()) as server, line(server.url) as (reader, writer):
        writer.write(post())
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.05)
        assert len(server.history.applied) == 1


async def test_an_early_refusal_comes_while_the_body_is_still_on_its_way() -> None:
    """413 is answered to the headers alone, and the rest of the upload is taken without a reset."""
    async with ScriptedServer(scripts.early_413()) as server, line(server.url) as (reader, writer):
        writer.write(post(b"x" * 10, "Content-Length: 1000000"))
        assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 413")
        writer.write(b"x" * 999_990)
        await writer.drain()
        await reader.read()
        assert server.history.applied == [] and not server.history[0].complete


def _is_truncated(answer: bytes) -> bool:
    return b"Content-Length: 100\r\n" in answer and body_of(answer) == b'{"id"'


@pytest.mark.parametrize(
    ("script", "right"),
    [
        (scripts.close_after_reply(), lambda answer: b"keep-alive" in answer and body_of(answer) == RECEIVED),
        (scripts.two_responses(), lambda answer: answer.count(b"HTTP/1.1 200 OK") == 2 and b"unsolicited" in answer),
        (scripts.garbage_status_line(), lambda answer: answer and not answer.startswith(b"HTTP/")),
        (scripts.huge_header(20_000), lambda answer: len(answer) > 20_000 and body_of(answer) == RECEIVED),
        (scripts.huge_header(1, 10_000), lambda answer: answer.count(b"\r\nX-Filler") == 10_000),
        (scripts.informational_flood(50), lambda answer: answer.count(b"HTTP/1.1 103 Early Hints\r\n\r\n") == 50),
        (scripts.truncated_body(), _is_truncated),
        (scripts.redirect("http://other/", 307), lambda answer: b"307 " in answer and b"Location: http://o" in answer),
        (scripts.gzip_bomb(10_000_000), lambda answer: len(answer) < 20_000 < len(gzip.decompress(body_of(answer)))),
    ],
)  # fmt: skip
async def test_the_ready_scripts_put_on_the_wire_what_they_name(script: Steps, right: Callable[[bytes], bool]) -> None:
    """Each misbehaviour can be seen in the bytes."""
    async with ScriptedServer(script) as server:
        assert right(await ask(server.url))


async def test_endless_answers_do_not_end() -> None:
    """A chunked body and a flood of 103 go on for as long as somebody reads."""
    async with ScriptedServer(scripts.endless_chunked(b"x" * 1000)) as server:
        server.on(2, scripts.informational_flood(None))
        for _ in range(2):
            async with line(server.url) as (reader, writer):
                writer.write(post())
                await reader.readexactly(1_000_000)


async def test_a_drip_takes_its_time() -> None:
    """Bytes come one after another with the pause between them."""
    async with ScriptedServer((*scripts.READ, scripts.drip(b"abcde", 0.01), scripts.fin)) as server:
        begun = asyncio.get_running_loop().time()
        assert await ask(server.url) == b"abcde"
        assert asyncio.get_running_loop().time() - begun >= 0.04


async def test_a_mistake_in_a_script_is_not_swallowed() -> None:
    """What a hook raises comes out when the server closes."""
    with pytest.raises(ExceptionGroup) as raised:
        async with ScriptedServer(hook=lambda seen: seen.json["absent"]) as server:
            await ask(server.url)
    assert raised.group_contains(KeyError)


async def test_it_speaks_tls() -> None:
    """The same server behind a certificate."""
    authority = trustme.CA()
    context, trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(trusting)
    async with ScriptedServer(tls=context) as server, line(server.url, trusting) as (reader, writer):
        server.on(2, scripts.apply_then_fin())
        writer.write(post() * 2)
        assert await reader.read() == scripts.response(200, RECEIVED)
        assert server.url.startswith("https://") and len(server.history.applied) == 2


# The middleman


@asynccontextmanager
async def between(script: Steps | None = None) -> AsyncGenerator[tuple[ScriptedServer, Middleman]]:
    """A server and a middleman before it."""
    async with ScriptedServer(script) as server, Middleman(server.url) as middleman:
        yield server, middleman


async def test_an_honest_middleman_changes_nothing() -> None:
    """Bytes and ends pass both ways, also large ones."""
    body = os.urandom(300_000)
    async with between(scripts.reply(200, body)) as (server, middleman):
        assert body_of(await ask(middleman.url, post(body))) == body
        assert server.history[0].body == body


@pytest.mark.parametrize(
    ("faults", "at_least"),
    [
        ({"latency": 0.03}, 0.06),
        ({"slice_size": 10, "slice_pause": 0.001}, 0.01),
        ({"bandwidth": 5000}, 0.03),
        ({"slow_close": 0.03}, 0.06),
    ],
)
async def test_slow_wires_are_slow_and_lose_nothing(faults: dict[str, float], at_least: float) -> None:
    """The answer is whole, and not there before the fault allows it."""
    async with between() as (_, middleman):
        middleman.set(**faults)
        begun = asyncio.get_running_loop().time()
        assert await ask(middleman.url) == scripts.response(200, RECEIVED)
        assert asyncio.get_running_loop().time() - begun >= at_least


async def test_latency_does_not_hold_up_what_follows() -> None:
    """Many pieces under way at once take one latency, not one each."""
    async with between(scripts.reply(200, b"x" * 2_000_000)) as (_, middleman):
        middleman.down.latency = 0.5
        async with asyncio.timeout(10):  # 122 pieces, one after another, would take a minute
            assert len(await ask(middleman.url)) > 2_000_000


async def test_faults_reach_a_connection_that_is_open() -> None:
    """Switched on between two requests the way back swallows the second answer; switched off, the third passes."""
    whole = len(scripts.response(200, RECEIVED))
    async with between() as (server, middleman), line(middleman.url) as (reader, writer):
        writer.write(post())
        await reader.readexactly(whole)
        middleman.down.blackhole = True
        writer.write(post())
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.05)
        assert len(server.history.applied) == 2
        middleman.clear()
        writer.write(post())
        await reader.readexactly(whole)


async def test_the_middleman_resets_on_a_piece_or_on_demand() -> None:
    """`reset_peer` breaks off at the next piece, `reset()` at once."""
    async with between(scripts.silence()) as (server, middleman):
        middleman.up.reset_peer = True
        with pytest.raises(ConnectionResetError):
            await ask(middleman.url, half_close=False)
        assert server.begun == 0
        middleman.clear()
        async with line(middleman.url) as (reader, writer):
            writer.write(post())
            await server.history.until(applied=1)
            middleman.reset()
            with pytest.raises(ConnectionResetError):
                await reader.read()


async def test_the_middleman_ends_after_so_many_bytes() -> None:
    """What is within the limit arrives, then both sides end."""
    async with between() as (_, middleman):
        middleman.down.limit_data = 20
        assert await ask(middleman.url) == scripts.response(200, RECEIVED)[:20]


# The virtual clock


@virtual_time
async def test_virtual_time_is_exact_and_free() -> None:
    """Hours pass in order, to the digit, and take no time."""
    loop = asyncio.get_running_loop()
    woken: list[float] = []

    async def wake(after: float) -> None:
        await asyncio.sleep(after)
        woken.append(loop.time())

    delays = [86400.0, 0.1, 0.3, 3600.7]
    await asyncio.gather(*map(wake, delays))
    assert woken == sorted(delays)
    assert isinstance(loop, VirtualLoop) and loop.wall() - loop.time() > 1_700_000_000


@virtual_time
async def test_anyio_runs_on_virtual_time(tmp_path: Path) -> None:
    """anyio's sleeps, deadlines and task groups go by the virtual clock, and plain fixtures can be used."""
    assert tmp_path.name
    async with anyio.create_task_group() as group:
        group.start_soon(anyio.sleep, 50)
        with anyio.move_on_after(20) as scope:
            await anyio.sleep_forever()
        assert scope.cancelled_caught and anyio.current_time() == 20
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await asyncio.Event().wait()
    assert anyio.current_time() == 50


def test_a_deadlock_is_told_with_the_places_where_tasks_wait() -> None:
    """Nothing ready and no timer is an error at once, and it names who waits where."""

    async def waits_for_ever() -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        await asyncio.create_task(waits_for_ever(), name="the stuck one")

    with pytest.raises(Deadlock, match=r"the stuck one in waits_for_ever .*test_harness.py:\d+"):
        run_virtual(main())


def test_a_run_that_does_not_end_is_stopped() -> None:
    """A loop of timers ends at the limit of virtual time."""

    async def ticks() -> None:
        await asyncio.sleep(1)
        await ticks()

    with pytest.raises(Endless, match="100 virtual seconds"):
        run_virtual(ticks(), limit=100)


@virtual_time
async def test_threads_hold_the_clock() -> None:
    """While an executor or a held thread is at work for the loop, timers do not run ahead of it."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    ticking = asyncio.create_task(asyncio.sleep(1000))
    assert await asyncio.to_thread(sum, [1, 2]) == 3
    with loop.hold():
        assert await anyio.to_thread.run_sync(sum, [3, 4]) == 7
    assert loop.time() == 0 and not ticking.done()
    await ticking
    assert loop.time() == 1000


# The checker


@dataclass
class Numbers:
    accepted: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    queued: int = 0
    in_flight: int = 0


def done(*refs: str) -> list[Seen]:
    """Applications of these events, in this order."""
    return [Seen(n, 1, n, body=b'{"metadata":{"ref":"%s"}}' % ref.encode()) for n, ref in enumerate(refs, 1)]


def ledger(*events: tuple[str, Idempotency, Verdict | None], delivery: Any = "careful", marked: bool = False) -> Ledger:
    """A ledger of accepted events of one subject."""
    book = Ledger(delivery)
    for ref, repeat, verdict in events:
        book.offered(ref, repeat, "p1")
        book.accepted(ref)
        if verdict:
            book.ended(ref, verdict, maybe_duplicated=marked)
    return book


@pytest.mark.parametrize(
    ("book", "applied"),
    [
        (ledger(("a", "non_idempotent", "delivered"), ("b", "idempotent", "delivered")), "a b b"),
        (ledger(("a", "non_idempotent", "unknown"), ("b", "at_most_once", "unknown")), "b"),
        (ledger(("a", "non_idempotent", "delivered"), marked=True), "a a"),
        (
            ledger(
                ("a", "idempotent", "rejected"), ("b", "non_idempotent", "expired"), ("c", "at_most_once", "rejected")
            ),
            "a",
        ),
        (ledger(("a", "non_idempotent", "unknown"), ("b", "non_idempotent", "delivered")), "b a"),
        (ledger(("a", "non_idempotent", "rejected"), delivery="at_least_once"), "a"),
        (ledger(("a", "non_idempotent", "rejected"), marked=True), "a"),
        (ledger(("a", "idempotent", "delivered"), ("b", "idempotent", "delivered")), "a b a"),
    ],
)
def test_the_checker_accepts_what_the_rules_allow(book: Ledger, applied: str) -> None:
    """Repeats of repeatables, marked duplicates and unknown ends are no violation."""
    book.verify(done(*applied.split()))


@pytest.mark.parametrize(
    ("book", "applied", "rule"),
    [
        (ledger(("a", "idempotent", "delivered")), "", "delivered, but never applied"),
        (ledger(("a", "non_idempotent", "rejected")), "a", "rejected, but applied"),
        (ledger(("a", "non_idempotent", "abandoned")), "a", "abandoned, but applied"),
        (ledger(("a", "idempotent", "expired")), "a", "expired, but applied"),
        (ledger(("a", "non_idempotent", "delivered")), "a a", "applied more often than its class allows"),
        (ledger(("a", "at_most_once", "unknown"), marked=True), "a a", "applied more often than its class allows"),
        (ledger(("a", "idempotent", "delivered"), delivery="at_most_once"), "a a", "applied more often"),
        (ledger(("a", "non_idempotent", "delivered"), delivery="at_least_once"), "a a", "applied more often"),
        (ledger(("a", "non_idempotent", None)), "a", "lost: accepted, no outcome and not held"),
        (ledger(), "x", "applied, but nobody handed it over"),
        (ledger(("a", "non_idempotent", "delivered"), ("b", "idempotent", "delivered")), "b a", "overtook an earlier"),
    ],
)
def test_the_checker_finds_each_broken_rule(book: Ledger, applied: str, rule: str) -> None:
    """Every rule is named when it is broken, once, with the event it is about."""
    (found,) = book.violations(done(*applied.split()))
    assert str(found).startswith(rule) and found.about
    with pytest.raises(AssertionError, match=rule):
        book.verify(done(*applied.split()))


def test_the_checker_knows_who_was_told_what() -> None:
    """A second outcome, one of a refused or held event, and a refused event that was applied are violations."""
    book = ledger(("twice", "non_idempotent", "unknown"), ("held", "non_idempotent", "unknown"))
    book.ended("twice", "unknown")
    for ref in ("refused", "nobody heard"):
        book.offered(ref)
    book.refused("refused")
    book.ended("refused", "unknown")
    found = book.violations(done("refused", "nobody heard"), held=["held"])
    assert [violation.rule for violation in found] == [
        "more than one outcome",
        "an outcome, though it is still held",
        "an outcome, though it was refused",
        "applied, though it was refused",
    ]


def test_the_checker_adds_up_the_numbers() -> None:
    """accepted == outcomes + queued + in flight, and the outcomes are those that were told."""
    book = ledger(("a", "non_idempotent", "delivered"), ("b", "non_idempotent", None))
    right = Numbers(accepted=2, outcomes={"delivered": 1, "expired": 0}, queued=1)
    book.verify(done("a"), held=["b"], counts=right)
    right.queued = 0
    right.outcomes = {"rejected": 1}
    rules = [violation.rule for violation in book.violations(done("a"), held=["b"], counts=right)]
    assert rules == ["accepted != outcomes + queued + in flight", "the counted outcomes are not those told"]


# Cancellation


@pytest.mark.parametrize("by", ["task", "arrival"])
@virtual_time
async def test_every_suspension_is_cancelled_once(by: Step) -> None:
    """A coroutine with three waits is cut at each of them, then left alone; its clean-up always runs."""
    reached: list[int] = []
    cleaned: list[int] = []

    async def work() -> str:
        try:
            for step in range(3):
                reached.append(step)
                await asyncio.sleep(60)
            return "done"
        finally:
            cleaned.append(len(reached))

    runs = [run async for run in fuzz(work, by=by)]
    assert [(run.steps, run.reached, run.end) for run in runs] == [
        (1, True, "cancelled"),
        (2, True, "cancelled"),
        (3, True, "cancelled"),
        (4, False, "returned"),
    ]
    assert (runs[-1].value, len(cleaned), len(reached)) == ("done", 4, 1 + 2 + 3 + 3)


@virtual_time
async def test_a_cancellation_on_arrival_finds_what_is_lost_between_the_two() -> None:
    """A getter that drops what it was given when cancelled just then is found by `arrival`, not by `task`."""

    async def lost(by: Step) -> bool:
        permit: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        taken: list[bool] = []

        async def take() -> None:
            await permit  # a cancellation between its result and the next line loses it
            taken.append(True)

        asyncio.get_running_loop().call_later(1, lambda: None if permit.done() else permit.set_result(None))
        await cancelled_after(take(), 1, by=by)
        return not permit.cancelled() and not taken

    assert await lost("arrival")
    assert not await lost("task")


async def test_turns_of_the_loop_reach_other_tasks() -> None:
    """Counting turns, a run is cut at whatever point the tasks it works with have come to, and leftovers are told."""
    kept: set[asyncio.Task[Any]] = set()

    async def work() -> None:
        other = asyncio.create_task(asyncio.Event().wait())
        kept.add(other)
        for _ in range(3):
            await asyncio.sleep(0)
        other.cancel()

    runs = [run async for run in fuzz(work, 10)]
    assert [run.end for run in runs] == ["cancelled"] * 3 + ["returned"] * 7
    assert [len(run.left) for run in runs] == [1] * 3 + [0] * 7
    for task in kept:
        task.cancel()


@virtual_time
async def test_a_run_that_outlives_its_cancellation_fails() -> None:
    """Swallowing the cancellation and going on is an error of the run."""

    async def stubborn() -> None:
        for _ in range(2):
            try:
                await asyncio.sleep(1000)
            except asyncio.CancelledError:
                pass

    with pytest.raises(AssertionError, match="after 1 steps, it did not end within 10 s"):
        await cancelled_after(stubborn(), 1, by="task")


# Crashes

CHILD = """
import os, sys
from tests.harness.crash import failpoint
print("accepted", sys.argv[1], os.environ["WORD"])
failpoint("after the first")
print("accepted again")
print("to stderr", file=sys.stderr)
failpoint("at the end")
"""


async def test_a_child_dies_exactly_at_its_failpoint() -> None:
    """What comes before the point is there, what comes after is not."""
    fate = await run_child(CHILD, "one", env={"WORD": "two"}, kill_at="after the first")
    assert (fate.killed, fate.point, fate.lines) == (True, "after the first", ["accepted one two"])


async def test_a_child_left_alone_ends_by_itself(tmp_path: Path) -> None:
    """Without a point to die at, points do nothing; a script can be a file."""
    script = tmp_path / "child.py"
    script.write_text(CHILD)
    fate = await run_child(script, "one", env={"WORD": "two"})
    assert (fate.returncode, fate.killed, fate.point) == (0, False, None)
    assert (fate.lines, fate.stderr) == (["accepted one two", "accepted again"], "to stderr\n")


async def test_a_child_is_killed_after_a_time() -> None:
    """The time runs whatever the child does, and half a line does not count."""
    fate = await run_child(
        "import time; print('whole'); print('half', end='', flush=True); time.sleep(60)", kill_after=1
    )
    assert fate.killed and fate.lines in (["whole"], [])  # fmt: skip


async def test_a_child_that_takes_too_long_is_killed() -> None:
    """At the limit TimeoutError is raised."""
    with pytest.raises(TimeoutError):
        await run_child("import time; time.sleep(60)", timeout=0.2)


PARENT = """
import subprocess, sys
from tests.harness.crash import failpoint
print(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]).pid)
failpoint("now")
"""


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs Linux to watch a process that is not our child")
async def test_what_a_child_started_dies_with_it() -> None:
    """The kill reaches the children of the child."""
    fate = await run_child(PARENT, kill_at="now")
    async with asyncio.timeout(10):
        await _ended(int(fate.lines[0]))


async def _ended(pid: int) -> None:
    """Wait until a process that may belong to somebody else has ended."""
    try:
        watch = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(watch, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(watch)
        os.close(watch)


# Canaries


class Slotted:
    __slots__ = ("token",)
    token: str


def _holding(text: str) -> Exception:
    """An exception whose traceback has the text in a local variable."""
    try:
        return _raising(text)
    except ValueError as error:
        return error


def _raising(secret: str) -> Exception:
    raise ValueError(len(secret))


def _slotted(text: str) -> Slotted:
    thing = Slotted()
    thing.token = text
    return thing


def _noted(text: str) -> Exception:
    error = ValueError("plain")
    error.add_note(text)
    return error


class Discreet(Exception):
    """Shows nothing by itself, but keeps its arguments."""

    def __str__(self) -> str:
        return "…"

    __repr__ = __str__

    def __reduce__(self) -> str:
        raise TypeError


def _caused(text: str) -> Exception:
    error = ValueError("plain")
    error.__cause__ = Discreet(text)
    return error


def _grouped(text: str) -> Exception:
    return ExceptionGroup("plain", [Discreet(text)])


def _logged(*args: object) -> logging.LogRecord:
    return logging.LogRecord("x", logging.INFO, "f", 1, "said %s", args, None)


@pytest.mark.parametrize(
    "hide",
    [
        lambda text: f"before {text} after",
        lambda text: base64.b64encode(f"Bearer {text}".encode()).decode(),
        lambda text: pickle.dumps([text]),
        lambda text: ValueError("plain", text),
        lambda text: SimpleNamespace(inner=[text]),
        _noted,
        Discreet,
        _caused,
        _grouped,
        _logged,
    ],
)
@pytest.mark.parametrize("secret", [TOKEN, PHONE, EMAIL])
def test_a_secret_that_is_shown_is_found(hide: Callable[[str], object], secret: str) -> None:
    """Text, codes, pickles, arguments, notes, causes and logs are searched, and a hit does not repeat the secret."""
    found = hits_in(hide(secret))
    assert found and secret not in repr(found)
    with pytest.raises(AssertionError, match="secrets are seen") as raised:
        assert_unseen("nothing here", hide(secret))
    assert secret not in str(raised.value)


@pytest.mark.parametrize("hide", [_holding, _slotted])
def test_members_and_frames_may_hold_a_customer_but_no_token(hide: Callable[[str], object]) -> None:
    """In members and in tracebacks with locals only the token is a hit."""
    assert {hit.secret for hit in hits_in(hide(TOKEN))} == {"token"}
    assert hits_in(hide(PHONE)) == hits_in(hide(EMAIL)) == []


def test_a_file_may_hold_a_payload_but_no_token(tmp_path: Path) -> None:
    """A spool's phone numbers are no hit, its token is."""
    spool = tmp_path / "spool.db"
    spool.write_bytes(b"\0" + PHONE.encode() + EMAIL.encode())
    assert hits_in_file(spool) == []
    spool.write_bytes(b"\xff\0" + TOKEN[4:].encode())
    with pytest.raises(AssertionError, match=r"token in file spool\.db"):
        assert_unseen(spool)


def test_nothing_is_found_where_nothing_is() -> None:
    """Ordinary things are clean, and what cannot be pickled is no error."""
    assert_unseen("tok_live", 5, ValueError("x"), lambda: None, _logged("y"), SimpleNamespace(a=1))
    assert hits_in_text("+59899000001 will@example.org") == []


# The scripted transport

EVENT = Request("POST", "/v1/attribution/events", BODY)


@virtual_time
async def test_the_scripted_transport_answers_in_turn_and_by_hook() -> None:
    """The upcoming answers go first, then the hook, then the default; what was sent and done is remembered."""
    script = transport.Script(
        transport.unsent(),
        transport.answers(503, headers=(("Retry-After", "1"),)),
        hook=lambda seen: transport.answers(422) if seen.number == 3 else None,
    )
    with pytest.raises(Unanswered) as raised:
        await script.exchange(EVENT, total=20)
    assert (raised.value.sent, raised.value.reason) == (False, "connect")
    statuses = [(await script.exchange(EVENT, total=20)).status for _ in range(3)]
    assert statuses == [503, 422, 200]
    assert (script.asked, [seen.number for seen in script.history]) == (4, [2, 3, 4])
    assert [seen.number for seen in script.history.applied] == [4]


@virtual_time
async def test_the_scripted_transport_keeps_to_the_time_it_is_given() -> None:
    """An answer that takes too long, or never comes, is unanswered at the limit, sent and applied."""
    late = transport.silent(), transport.received(takes=30), transport.breaks("disconnected", takes=30)
    script = transport.Script(*late, transport.received(takes=3))
    for _ in late:
        with pytest.raises(Unanswered, match="timeout"):
            await script.exchange(EVENT, total=20)
    assert isinstance(await script.exchange(EVENT, total=20), Reply)
    assert asyncio.get_running_loop().time() == 63
    assert len(script.history.applied) == 4


@virtual_time
async def test_a_cancelled_exchange_is_applied_and_leaves_nothing_in_flight() -> None:
    """What was cut short counts as done, and the number in flight goes back."""
    script = transport.Script(default=transport.received(takes=5))
    runs = [run async for run in fuzz(lambda: script.exchange(EVENT, total=20), by="task")]
    assert [run.end for run in runs] == ["cancelled", "returned"]
    assert (script.in_flight, script.most_in_flight, len(script.history.applied)) == (0, 1, 2)
    await script.aclose()
    assert script.closed
