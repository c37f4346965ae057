"""Runs of a loop, exits of the interpreter and signals, each in a separate process."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.faults.process import run
from tests.harness.scripts import received, reply, silence, sleep
from tests.harness.server import ScriptedServer

pytestmark = pytest.mark.own_loop


async def test_two_runs_of_a_loop_are_two_places() -> None:
    """A client of the first asyncio.run raises WrongLoop in the second."""
    body = """
    client = Hellotext("t", base_url=url)
    async def first():
        queue = client.event_queue()
        write_line((await queue.track("page.viewed", session="s")).verdict)
        await queue.aclose()
        return queue
    async def second():
        try:
            await client.coupons.retrieve("x")
        except WrongLoop as error:
            write_line(str(error)[:70])
    asyncio.run(first())
    asyncio.run(second())
    """
    async with ScriptedServer() as server:
        exited = await run(body, server)
    assert exited.lines == ["delivered", "this client belongs to another event loop: make one in each, as in eac"], (
        exited.stderr
    )


@pytest.mark.parametrize("how", ["sys.exit(3)", "raise KeyboardInterrupt", "os.kill(os.getpid(), signal.SIGINT)"])
async def test_an_interpreter_that_ends_drains_its_queue_first(how: str) -> None:
    """SystemExit and Ctrl-C inside `async with`: the queue delivers its events, and the exit does not hang."""
    body = f"""
    async def main():
        async with Hellotext("t", base_url=url) as client, client.event_queue() as queue:
            for n in range(20):
                queue.track("page.viewed", session=f"s{{n}}")
            {how}
            await asyncio.sleep(60)
    asyncio.run(main())
    """
    async with ScriptedServer((sleep(0.02), *received())) as server:
        exited = await run(body, server)
    assert len(server.history.applied) == 20
    assert exited.returncode != 0


async def test_an_exit_without_closing_is_quick_and_counts_its_events() -> None:
    """No request and no hang at exit: receipts end, one log line and one warning count the events."""
    body = """
    async def main():
        client = Hellotext("t", base_url=url)
        queue = client.event_queue()
        for n in range(20):
            queue.track("page.viewed", session=f"s{n}")
        await asyncio.sleep(0.3)
    warnings.simplefilter("always")
    asyncio.run(main())
    """
    async with ScriptedServer(silence()) as server:
        exited = await run(body, server, timeout=10)
    assert exited.returncode == 0
    assert "event queue died" in exited.stderr
    assert "not closed" in exited.stderr
    assert "Traceback" not in exited.stderr


LETTERS = """
    async def main(end):
        client = Hellotext("t", base_url=url)
        queue = await client.event_queue(dead_letters=path).open()
        for n in range(20):
            queue.track("page.viewed", session=f"s{n}")
        await asyncio.sleep(0.3)
        if not end:
            await asyncio.sleep(60)
    """


@pytest.mark.parametrize("after", ["", "import gc; gc.collect()"])
@pytest.mark.parametrize(
    "how",
    [
        "loop.run_until_complete(main(True)); loop.close()",
        "loop.run_until_complete(main(True))",
        "task = loop.create_task(main(False)); loop.call_later(0.5, loop.stop); loop.run_forever(); loop.close()",
        "task = loop.create_task(main(False)); loop.call_later(0.5, loop.stop); loop.run_forever()",
    ],
)
async def test_events_of_a_loop_that_is_left_behind_become_letters(how: str, after: str, tmp_path: Path) -> None:
    """A loop that is closed or stopped with its tasks in it: none of them runs again."""
    body = f"{LETTERS}\n    loop = asyncio.new_event_loop()\n    {how}\n    {after}\n"
    path = tmp_path / "dead.jsonl"
    async with ScriptedServer(silence()) as server:
        exited = await run(body, server, path, timeout=20)
    assert exited.returncode == 0
    assert exited.stderr.count("event queue died (its event loop ended) with 20 events undelivered") == 1
    letters = [json.loads(line) for line in path.read_text().splitlines()]
    assert Counter(letter["verdict"] for letter in letters) == {"unknown": 8, "abandoned": 12}
    assert len({letter["event_id"] for letter in letters}) == 20


async def test_a_rejected_event_of_a_loop_that_is_left_behind_has_one_letter(tmp_path: Path) -> None:
    """Its outcome was known, and its dead letter about to be written."""
    body = """
    async def main():
        client = Hellotext("t", base_url=url)
        queue = await client.event_queue(dead_letters=path, on_outcome=lambda outcome: write_line(outcome.verdict)).open()
        queue.track("page.viewed", session="s")
        while not queue.stats().in_flight:
            await asyncio.sleep(0)
        loop.call_later(1, loop.stop)
        while queue.stats().in_flight:
            await asyncio.sleep(0)
    loop = asyncio.new_event_loop()
    loop.run_until_complete(main())
    loop.close()
    """
    path = tmp_path / "dead.jsonl"
    async with ScriptedServer(reply(422, b"{}")) as server:
        exited = await run(body, server, path, timeout=20)
    assert exited.lines == ["rejected"], exited.stderr
    assert [json.loads(line)["verdict"] for line in path.read_text().splitlines()] == ["rejected"]


async def test_a_forked_child_that_exits_writes_no_letters_for_its_parent(tmp_path: Path) -> None:
    """The parent still has the events, and delivers them."""
    body = """
    async def main():
        async with Hellotext("t", base_url=url) as client, client.event_queue(dead_letters=path) as queue:
            for n in range(20):
                queue.track("page.viewed", session=f"s{n}")
            await asyncio.sleep(0.1)
            child = os.fork()
            if not child:
                sys.exit(0)
            os.waitpid(child, 0)
    asyncio.run(main())
    """
    path = tmp_path / "dead.jsonl"
    async with ScriptedServer((sleep(0.3), *received())) as server:
        exited = await run(body, server, path, timeout=20)
    assert exited.returncode == 0, exited.stderr
    assert not path.exists()


async def test_a_spool_keeps_what_an_exit_cuts_off(tmp_path: object) -> None:
    """SIGTERM without a handler is a crash; the next process delivers what was accepted."""
    body = """
    async def main():
        async with Hellotext("t", base_url=url) as client:
            async with client.event_queue(buffer=SqliteSpool(path)) as queue:
                for n in range(10):
                    await queue.put("order.placed", order=f"o{n}", profile="p")
                write_line("ready")
                if len(sys.argv) < 4:
                    os.kill(os.getpid(), signal.SIGTERM)
                    await asyncio.sleep(60)
    asyncio.run(main())
    """
    path = f"{tmp_path}/s.db"
    async with ScriptedServer(silence(applied=False)) as server:
        exited = await run(body, server, path)
        assert exited.lines == ["ready"]
    body = """
    async def main():
        async with Hellotext("t", base_url=url) as client:
            async with client.event_queue(buffer=SqliteSpool(path)) as queue:
                report = await queue.flush(10)
                write_line(report.outcomes["delivered"])
    asyncio.run(main())
    """
    async with ScriptedServer() as server:
        exited = await run(body, server, path)
    assert exited.lines == ["10"], exited.stderr
