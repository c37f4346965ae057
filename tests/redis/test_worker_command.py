"""The command `worker`: a separate process that delivers, reports its state, and hands over at a signal."""

from __future__ import annotations

import asyncio
import os
import pty
import signal
import sys

import pytest

from hellotext_async import DeadLetters, RedisStream
from hellotext_async.cli import main
from hellotext_async.emulator import Emulator, Fault
from tests.cli.command import ended, environment, run, started
from tests.redis.fleet import entries, owners, references, until
from tests.redis.servers import Server

pytestmark = pytest.mark.own_loop


async def test_it_delivers_until_a_signal_and_hands_over(server: Server, name: str) -> None:
    """Exit code 0, every shard free, and the report counts what was delivered."""
    stream = RedisStream(server.url, name, shards=4)
    where = ("--redis", server.url, "--stream", name, "--shards", "4")
    async with Emulator() as emulator, stream.producer() as producer:
        for n in range(20):
            await producer.put("page.viewed", session=f"s{n}", metadata={"ref": str(n)})
        async with started("worker", *where, emulator=emulator) as process:
            assert process.stdout is not None
            first = (await asyncio.wait_for(process.stdout.readline(), 30)).decode()
            assert first == f"delivering {name} from 127.0.0.1:{server.port} as one of 1 worker\n"
            await until(lambda: len(references(emulator)) == 20)
            process.send_signal(signal.SIGTERM)
            done = await ended(process)
        assert done.code == 0
        assert done.out.splitlines()[0].split() == ["delivered", "20"]
        assert "handing over" in done.err
        assert await entries(stream, server.url) == 0
        assert await owners(stream, server.url) == [""] * 4


async def test_a_second_signal_ends_it_at_once(server: Server, name: str) -> None:
    """However soon it comes: the answer is not awaited, the event ends as unknown, and every shard is free."""
    stream = RedisStream(server.url, name, shards=4)
    where = ("--redis", server.url, "--stream", name, "--shards", "4")
    async with Emulator() as emulator, stream.producer() as producer:
        emulator.faults.add(Fault("delay", delay=10))
        await producer.put("page.viewed", session="s", event_id="cut off")
        async with started("worker", *where, emulator=emulator) as process:
            assert process.stderr is not None
            await until(lambda: not emulator.faults)  # the request has arrived
            process.send_signal(signal.SIGTERM)
            while b"again: end now" not in await asyncio.wait_for(process.stderr.readline(), 30):
                pass
            process.send_signal(signal.SIGTERM)
            done = await ended(process)
        assert done.code == 1
        assert "ending now" in done.err
        assert ["unknown", "1"] in [line.split() for line in done.out.splitlines()], done
        assert await owners(stream, server.url) == [""] * 4


async def test_an_event_that_ends_badly_is_exit_1(server: Server, name: str) -> None:
    """The report counts it and says where it is; it is a dead letter of the stream."""
    stream = RedisStream(server.url, name)
    async with Emulator() as emulator, stream.producer() as producer:
        emulator.faults.add(Fault("status", status=422))
        receipt = await producer.put("page.viewed", session="s", event_id="bad")
        async with started("worker", "--redis", server.url, "--stream", name, emulator=emulator) as process:
            assert (await receipt).verdict == "rejected"
            process.send_signal(signal.SIGTERM)
            done = await ended(process)
        assert done.code == 1
        assert ["rejected", "1"] in [line.split() for line in done.out.splitlines()]
        assert "1 event ended badly: see `hellotext-async dead-letters list`" in done.err
        assert [letter.event_id async for letter in DeadLetters(stream)] == ["bad"]


async def test_a_token_that_is_refused_ends_it(server: Server, name: str) -> None:
    """Exit code 1; the events stay for the other workers."""
    stream = RedisStream(server.url, name)
    async with Emulator() as emulator, stream.producer() as producer:
        await producer.put("page.viewed", session="s")
        done = await run("worker", "--redis", server.url, "--stream", name, emulator=emulator, token="wrong")
        assert done.code == 1
        assert "refuses the token" in done.err
        assert await entries(stream, server.url) == 1


async def test_on_a_terminal_it_is_a_table(server: Server, name: str) -> None:
    """Each table is drawn over the previous one."""
    leader, follower = pty.openpty()
    async with Emulator() as emulator:
        command = (sys.executable, "-m", "hellotext_async", "worker", "--stream", name)
        env = {**environment(emulator), "HELLOTEXT_REDIS_URL": server.url}
        process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.DEVNULL, stderr=follower, env=env
        )
        os.close(follower)
        drawn = b""
        while drawn.count(b"lost by the server") < 2:
            drawn += await asyncio.to_thread(os.read, leader, 4096)
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 0
    os.close(leader)
    assert b"\x1b[9A" in drawn
    assert b"shards" in drawn


def test_wrong_use_is_one_line(
    server: Server, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No stream, no server, another number of shards: one line, no traceback."""
    with Emulator.in_thread() as emulator:
        monkeypatch.setenv("HELLOTEXT_API_URL", emulator.url)
        monkeypatch.setenv("HELLOTEXT_API_TOKEN", emulator.token)
        monkeypatch.delenv("HELLOTEXT_REDIS_URL", raising=False)
        for arguments, code, message in (
            (("--stream", name), 2, "HELLOTEXT_REDIS_URL"),
            (("--redis", server.url), 2, "--stream"),
            (("--redis", "http://x", "--stream", name), 2, "url: expected"),
            (("--redis", server.url, "--stream", "a{b}"), 2, "name: expected"),
            (("--redis", "redis://127.0.0.1:1", "--stream", name), 1, "no reply from the server at 127.0.0.1:1"),
        ):
            assert main(["worker", *arguments]) == code
            output = capsys.readouterr().err
            assert (message in output, output.count("\n")) == (True, 1), output
