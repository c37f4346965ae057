"""Every transport: closed or cancelled, it leaves no socket open."""

from __future__ import annotations

import asyncio
import gc
import sys
import warnings
from pathlib import Path

import psutil
import pytest

from hellotext_async import Hellotext, SqliteSpool
from hellotext_async._wire.call import Reply, Request
from hellotext_async.queue.settings import Settings
from hellotext_async.queue.store import LastGroup, MemoryStore, Store
from hellotext_async.transport import Transport, Unanswered
from tests.harness import scripts
from tests.harness.cancel import Step, cancelled_after
from tests.harness.server import ScriptedServer

from .asking import POST, ask
from .conftest import Opens, Serves


def sockets_to(port: int) -> int:
    """How many sockets of this process are connected to that port."""
    return sum(1 for each in psutil.Process().net_connections("tcp") if each.raddr and each.raddr.port == port)


async def test_closing_ends_what_is_in_flight(opened: Opens, serve: Serves) -> None:
    """An exchange in flight when the transport closes is uncertain, and no socket is left."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        async with serve(scripts.silence()) as server:
            transport = opened(server.url)
            task = asyncio.create_task(ask(transport))
            await server.history.until(seen=1)
            await asyncio.wait_for(transport.aclose(), 5)
            end = await asyncio.wait_for(task, 5)
            assert isinstance(end, Unanswered)
            assert end.sent
            del transport
            gc.collect()


async def test_closed_it_has_no_socket_left(opened: Opens, serve: Serves) -> None:
    """When `aclose` returns, every connection is closed."""
    async with serve() as server:
        transport = opened(server.url)
        await asyncio.gather(*(transport.exchange(POST, total=5) for _ in range(5)))
        assert sockets_to(server.port)
        await transport.aclose()
        assert sockets_to(server.port) == 0


async def test_aborted_it_closes_every_socket_before_anything_is_awaited(opened: Opens, serve: Serves) -> None:
    """Idle ones and those in flight; later exchanges are unsent."""
    async with serve() as server:
        server.on(5, scripts.silence())
        transport = opened(server.url)
        await asyncio.gather(*(transport.exchange(POST, total=5) for _ in range(4)))
        task = asyncio.create_task(ask(transport))
        await server.history.until(seen=5)
        transport.abort()
        end = await task
        assert isinstance(end, Unanswered) and end.sent
        assert sockets_to(server.port) == 0
        late = await ask(transport)
        assert isinstance(late, Unanswered) and (late.sent, late.reason) == (False, "closed")


async def ended_by_a_close(transport: Transport, server: ScriptedServer, request: Request) -> Reply | Unanswered:
    """The end of an exchange that is well under way when the transport closes; no socket is left."""
    task = asyncio.create_task(ask(transport, request, total=60))
    while not server.connections:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)  # it is where the test says; if it is not yet, it ends all the same
    await asyncio.wait_for(transport.aclose(), 5)
    end = await asyncio.wait_for(task, 5)
    assert not task.cancelling()
    assert sockets_to(server.port) == 0
    return end


async def test_closing_ends_a_handshake(opened: Opens) -> None:
    """The server accepts the connection and says nothing: unsent."""
    async with ScriptedServer() as server:
        server.on_connection(1, (scripts.never,))
        transport = opened(server.url.replace("http://", "https://"))
        end = await ended_by_a_close(transport, server, POST)
        assert isinstance(end, Unanswered) and (end.sent, end.reason) == (False, "closed")


async def test_closing_ends_the_reading_of_a_body(opened: Opens, serve: Serves) -> None:
    """Half of the reply has arrived: that is the reply, and its body is cut off."""
    half = scripts.send(scripts.head(200, {"Content-Length": "100"}) + b'{"id"')
    async with serve((*scripts.APPLY, half, scripts.never)) as server:
        end = await ended_by_a_close(opened(server.url), server, POST)
        assert isinstance(end, Reply) and (end.status, end.missing) == (200, "cut off")


async def test_closing_ends_the_writing_of_a_request(opened: Opens, serve: Serves) -> None:
    """A server that reads nothing holds up neither the close nor the exchange, of which it may have had a part."""
    async with serve() as server:
        server.on_connection(1, (scripts.sleep(60),))
        end = await ended_by_a_close(opened(server.url), server, Request("POST", POST.target, b"x" * (32 << 20)))
        assert isinstance(end, Unanswered) and end.sent


async def test_a_request_that_is_given_up_is_written_no_further(opened: Opens, serve: Serves) -> None:
    """At its time limit the socket is closed, though the server has not read what was written."""
    async with serve() as server:
        server.on_connection(1, (scripts.sleep(60),))
        big = Request("POST", POST.target, b"x" * (32 << 20))
        end = await ask(opened(server.url), big, total=1)
        assert isinstance(end, Unanswered) and (end.sent, end.reason) == (True, "timeout")
        await asyncio.wait_for(_until_closed(server.port), 5)


async def _until_closed(port: int) -> None:
    while sockets_to(port):
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("steps", [1, 2, 3])
@pytest.mark.parametrize("by", ["loop", "task"])
async def test_29_a_cancelled_close_leaves_no_socket(opened: Opens, by: Step, steps: int, serve: Serves) -> None:
    """Of a transport, at any step."""
    async with serve() as server:
        transport = opened(server.url)
        await asyncio.gather(*(transport.exchange(POST, total=5) for _ in range(3)))
        await cancelled_after(transport.aclose(), steps, by=by)
        assert sockets_to(server.port) == 0


@pytest.mark.parametrize(("by", "steps"), [("loop", 1), ("loop", 2), ("loop", 5), ("loop", 20), ("task", 1)])
async def test_29_a_client_whose_close_is_cancelled_leaves_no_socket(by: Step, steps: int) -> None:
    """While it waits for an event in flight; connections of calls and of events."""
    async with ScriptedServer() as server:
        server.on(3, scripts.silence())
        client = await Hellotext("t", base_url=server.url).open()
        queue = await client.event_queue().open()
        await client.events.track("page.viewed", session="s1")
        await (await queue.put("page.viewed", session="s1"))
        await queue.put("page.viewed", session="s1")
        await server.history.until(seen=3)
        assert sockets_to(server.port) == 2
        run = await cancelled_after(client.aclose(), steps, by=by)
        assert run.end == "cancelled"
        assert sockets_to(server.port) == 0
        await queue.aclose(0)


async def test_a_queue_that_cannot_be_closed_leaves_no_socket(tmp_path: Path) -> None:
    """Its error is raised, after the other queues and the connections were closed."""

    class Gone(MemoryStore):
        async def close(self, clock: float, *, standing: bool) -> None:
            raise OSError("the disk is gone")

        def give_up(self) -> LastGroup:
            raise OSError("the disk is gone")

    class Disk(SqliteSpool):
        def store(self, settings: Settings) -> Store:
            return Gone()

    async with ScriptedServer() as server:
        client = await Hellotext("t", base_url=server.url).open()
        await client.event_queue(buffer=Disk(tmp_path / "s.db")).open()
        queue = await client.event_queue().open()
        receipt = await queue.put("page.viewed", session="s1")
        with pytest.raises(OSError, match="disk"):
            await client.aclose()
        assert (await receipt).verdict == "delivered"
        assert sockets_to(server.port) == 0


async def test_opening_reads_no_certificates_and_imports_no_client_on_the_loop() -> None:
    """Neither a client for https nor its queue: a thread does both when the first connection is opened."""
    code = (
        "import asyncio, ssl, sys, threading\n"
        "from hellotext_async import Hellotext, NotSent, Retry\n"
        "made, real = [], ssl.create_default_context\n"
        "ssl.create_default_context = lambda *a, **k: (made.append(threading.current_thread()), real(*a, **k))[1]\n"
        "async def main():\n"
        "    async with Hellotext('t', base_url='https://127.0.0.1:9', retry=Retry(attempts=1)) as client:\n"
        "        async with client.event_queue(delivery_timeout=0.2) as queue:\n"
        "            assert not made and 'aiohttp' not in sys.modules\n"
        "            await (await queue.put('page.viewed', session='s1'))\n"
        "        assert made and threading.main_thread() not in made\n"
        "        try: await client.profiles.list()\n"
        "        except NotSent: pass\n"
        "        assert 'aiohttp' in sys.modules and threading.main_thread() not in made\n"
        "asyncio.run(main())\n"
    )
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", code)
    assert await child.wait() == 0
