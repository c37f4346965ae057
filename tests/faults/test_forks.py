"""Forks inside a running loop: the child uses nothing of its parent, and the parent is unharmed."""

from __future__ import annotations

from pathlib import Path

import pytest

from hellotext_async.emulator import Emulator
from tests.faults.process import run
from tests.harness.crash import forks_in_a_loop
from tests.harness.server import ScriptedServer

pytestmark = pytest.mark.own_loop


async def test_a_forked_child_gets_a_typed_error_and_the_parent_is_unharmed() -> None:
    """In the child, client and queue raise Forked; in the parent nothing changes, and nothing is sent twice."""
    body = """
    async def main():
        async with Hellotext("t", base_url=url) as client, client.event_queue() as queue:
            await queue.track("page.viewed", session="before")
            child = os.fork()
            if child == 0:
                for use in (lambda: queue.track("page.viewed", session="child"), client.rate):
                    try:
                        use()
                    except Forked:
                        write_line("Forked")
                os._exit(0)
            os.waitpid(child, 0)
            outcome = await queue.track("page.viewed", session="after")
            write_line("parent", outcome.verdict)
    asyncio.run(main())
    """
    async with ScriptedServer() as server:
        exited = await run(body, server)
    assert exited.lines == ["Forked", "Forked", "parent delivered"], exited.stderr
    assert len(server.history) == 2


@forks_in_a_loop
async def test_a_forked_child_whose_loop_goes_on_sends_no_event_of_its_parent() -> None:
    """Neither on a connection of the parent nor on a new one: each event arrives once."""
    body = """
    async def main():
        async with Hellotext("t", base_url=url) as client, client.event_queue() as queue:
            for n in range(6):
                receipt = queue.track("page.viewed", session=f"s{n}")
                child = os.fork()
                if child == 0:
                    for _ in range(200):
                        await asyncio.sleep(0)
                    os._exit(0)
                os.waitpid(child, 0)
                write_line((await receipt).verdict)
    asyncio.run(main())
    """
    async with ScriptedServer() as server:
        exited = await run(body, server)
    assert exited.lines == ["delivered"] * 6, exited.stderr
    assert len(server.history) == 6


@forks_in_a_loop
@pytest.mark.parametrize("turns", [0, 1, 2, 3, 8])
async def test_a_forked_child_whose_loop_goes_on_makes_no_call_of_its_parent(turns: int) -> None:
    """In whichever turn of the calls it was forked: each request arrives once, and each has its answer."""
    body = f"""
    async def main():
        async with Hellotext("test-token", base_url=url) as client:
            await client.profiles.create(first_name="first")
            calls = [asyncio.ensure_future(client.profiles.create(first_name=str(n))) for n in range(4)]
            for _ in range({turns}):
                await asyncio.sleep(0)
            child = os.fork()
            if child == 0:
                warnings.simplefilter("ignore")
                for _ in range(200):
                    await asyncio.sleep(0)
                os._exit(0)
            os.waitpid(child, 0)
            for call in calls:
                write_line((await call).id)
    asyncio.run(main())
    """
    async with Emulator() as emulator:
        exit = await run(body, emulator)
        assert len(exit.lines) == 4, exit.stderr
        assert len([request for request in emulator.requests if request.method == "POST"]) == 5


async def test_a_forked_child_keeps_nothing_of_the_parents_loop(tmp_path: Path) -> None:
    """No descriptor stays open twice, and no signal is written to a file that reuses the number of the old pipe."""
    body = """
    async def main():
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, write_line, "SIGTERM")
        async with Hellotext("t", base_url=url) as client:
            await client.open()
            before = len(os.listdir("/dev/fd"))
            child = os.fork()
            if child == 0:
                write_line("opened", len(os.listdir("/dev/fd")) - before)
                files = [open(path, "a") for _ in range(8)]
                signal.raise_signal(signal.SIGTERM)
                write_line("written", os.path.getsize(path))
                os._exit(0)
            os.waitpid(child, 0)
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.sleep(0.01)
    asyncio.run(main())
    """
    async with ScriptedServer() as server:
        exited = await run(body, server, tmp_path / "file")
    assert exited.lines == ["opened 0", "written 0", "SIGTERM"], exited.stderr


async def test_a_fork_waits_for_the_commit_that_is_being_written() -> None:
    """SQLite's locks belong to the process: one that a thread held at the fork would stay locked in the child."""
    body = """
    import threading
    from hellotext_async.spool.commit import CommitThread
    done, begun = [], threading.Event()
    class Resource:
        def close(self): done.append("closed")
    def work(resource):
        begun.set()
        threading.Event().wait(0.2)
        done.append("written")
    def child():
        if (pid := os.fork()) == 0:
            write_line(*done)
            os._exit(0)
        os.waitpid(pid, 0)
    async def main():
        loop = asyncio.get_running_loop()
        thread = CommitThread(Resource, loop, "commits")
        writing = thread.submit(work)
        await asyncio.to_thread(begun.wait)
        child()
        await writing
        stopping = thread.stop()
        await stopping
        child()
    asyncio.run(main())
    """
    async with ScriptedServer() as server:
        exited = await run(body, server)
    assert exited.lines == ["written", "written closed"], exited.stderr
