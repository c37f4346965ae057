"""Other kinds of servers: on a Unix socket, in a cluster, or with hidden settings."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme

from hellotext_async import ConfigurationError, RedisStream
from hellotext_async.emulator import Emulator
from hellotext_async.errors import SpoolError
from hellotext_async.fleet.link import Link
from hellotext_async.fleet.server import warnings_of
from tests.harness.fault_proxy import FaultProxy
from tests.redis.fleet import LEASE, entries, references, worker
from tests.redis.servers import Server


async def delivered(stream: RedisStream, count: int) -> None:
    """Events pass through the stream, from a producer to a worker to the API, and their outcomes return."""
    async with Emulator() as emulator, worker(emulator, stream), stream.producer() as producer:
        receipts = [
            await producer.put("page.viewed", session=f"s{n % 5}", metadata={"ref": str(n)}) for n in range(count)
        ]
        outcomes = await asyncio.gather(*receipts)
        assert {outcome.verdict for outcome in outcomes} == {"delivered"}
        assert sorted(references(emulator), key=int) == [str(n) for n in range(count)]


async def test_a_stream_on_a_cluster_of_one(kind: str, name: str) -> None:
    """Its shards are in many slots, and each is read by a separate command."""
    with Server(kind, "--cluster-enabled", "yes") as own:
        link: Any = Link(own.url)
        await link.command("execute_command", "CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        while "cluster_state:ok" not in str(await link.command("execute_command", "CLUSTER", "INFO")):
            await asyncio.sleep(0.01)
        await link.aclose()
        await delivered(RedisStream(own.url, name, shards=4, lease=LEASE), 20)


async def test_a_stream_on_a_socket_in_the_file_system(kind: str, name: str, tmp_path: Path) -> None:
    """Messages contain the socket's path."""
    path = tmp_path / "redis.sock"
    with Server(kind, "--unixsocket", str(path)) as own:
        stream = RedisStream(f"unix://{path}", name, shards=2, lease=LEASE)
        assert stream.place == str(path)
        await delivered(stream, 3)
        assert await entries(stream, own.url) == 0


async def test_a_stream_behind_tls(server: Server, name: str, tmp_path: Path) -> None:
    """With an authority of its own; without it the error says what to do."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    async with FaultProxy(server.url, context) as proxy:
        place = f"127.0.0.1:{proxy.port}"
        await delivered(RedisStream(f"rediss://{place}?ssl_ca_certs={tmp_path}/ca.pem", name, lease=LEASE), 20)
        with pytest.raises(SpoolError, match=rf"{place} \(the server's certificate is not trusted: .*ssl_ca_certs="):
            await RedisStream(f"rediss://{place}", name).producer().__aenter__()


async def test_a_server_that_is_no_redis(name: str) -> None:
    """A web server, for instance: the error says so."""
    async with Emulator() as emulator:
        place = emulator.url.removeprefix("http://")
        with pytest.raises(SpoolError, match=f"^what answers at {place} is no Redis or Valkey server"):
            await RedisStream(f"redis://{place}", name).producer().__aenter__()


async def test_an_unreachable_server_is_reported_with_the_reason(name: str) -> None:
    """As for the API: what the operating system said, in words that say what to do."""
    with pytest.raises(SpoolError, match=r"no reply from the server at 127.0.0.1:1 \(.*nothing listens there"):
        await RedisStream("redis://127.0.0.1:1", name).producer().__aenter__()


async def test_an_error_of_this_package_is_not_taken_for_an_unreachable_server(server: Server) -> None:
    """Where there is no cluster; the client of one raises the same error when the cluster changes."""
    link = Link(server.url)
    with pytest.raises(AttributeError, match="no_such_command"):
        await link.command("no_such_command")
    await link.aclose()


@pytest.mark.parametrize("lease", [0.1, 4000, True, "x"])
def test_a_lease_that_makes_no_sense_is_named(lease: Any) -> None:
    """Shorter than a heartbeat, or longer than a caller would wait."""
    with pytest.raises(ConfigurationError, match=r"^lease: expected seconds from 0\.5 to 3600"):
        RedisStream("redis://h", "n", lease=lease)


def test_a_setting_that_a_server_hides_is_a_warning() -> None:
    """Managed servers hide their settings; a replica, and a setting that loses events, is reported in any case."""
    safe = {"maxmemory_policy": "noeviction", "aof_enabled": 1, "role": "master"}
    assert warnings_of(safe) == []
    for change, message in (
        ({"maxmemory_policy": None}, "eviction policy cannot be read"),
        ({"maxmemory_policy": "allkeys-lru"}, "maxmemory-policy is allkeys-lru"),
        ({"aof_enabled": None}, "append-only file cannot be read"),
        ({"aof_enabled": 0}, "it has no append-only file"),
        ({"role": "slave"}, "it is a replica"),
    ):
        (warning,) = warnings_of({**safe, **change})
        assert message in warning
