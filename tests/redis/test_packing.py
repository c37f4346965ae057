"""How commands become bytes: as redis-py writes them."""

from __future__ import annotations

from typing import Any

import pytest
from redis.asyncio import Connection, SSLConnection, UnixDomainSocketConnection

from hellotext_async.fleet.connections import adapted


@pytest.mark.parametrize("kind", [Connection, SSLConnection, UnixDomainSocketConnection])
@pytest.mark.parametrize(
    "command",
    [
        ("PING",),
        ("CONFIG RESETSTAT",),
        ("CLIENT", "SETINFO", "LIB-NAME", "ñ"),
        ("EVALSHA", "0" * 40, 2, "ht:{a:1}:q", "ht:{a:1}:s", b"\x00\r\n$1\r\n\xff", b"", 0, -5, 2**62, b"x" * 100_000),
    ],
    ids=lambda command: command[0],
)
def test_a_command_is_packed_as_redis_py_packs_it(kind: Any, command: tuple[Any, ...]) -> None:
    """Byte for byte, for every kind of connection, and the kind of connection is unchanged."""
    plain, packed = kind(), adapted(kind)()
    assert isinstance(packed, kind)
    assert b"".join(packed.pack_command(*command)) == b"".join(plain.pack_command(*command))
