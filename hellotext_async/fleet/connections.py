"""redis-py's connections, made cheaper and safe in a forked child; and one of them that is kept for its commands.

Rules. Nothing is written in a child to the sockets of its parent, which would take the reply for one to a
command of its own. What was cut off or is unanswered in time closes the connection; the next command opens it again.
"""

from __future__ import annotations

import asyncio
from importlib import import_module
from math import inf
from typing import Any, Final

from redis import exceptions

from .. import _process
from .._watchdog import Limit, Watchdog

__all__ = ["KeptConnection", "adapt_cluster", "adapted"]

_LOST: Final = ("the handler is closed", "'NoneType' object is not callable")
"""What uvloop (RuntimeError), and asyncio from Python 3.12 on (TypeError), say of a write to a lost connection."""


def adapted(kind: type[Any]) -> type[Any]:
    """A class of connections that send no command in a forked child, and none in a task of its own.

    redis-py sends with `wait_for`: it makes a task for each command, and Python 3.11 loses a cancellation that meets
    its end. A write to a connection that was lost is a ConnectionError, which redis-py expects. hiredis packs the
    commands, if it is there: it takes a tenth of the time.
    """
    process = _process.current_process

    async def send_packed_command(self: Any, command: Any, check_health: bool = True) -> None:
        if process is not _process.current_process:
            raise exceptions.ConnectionError("the connection is another process's")
        seconds, self.socket_timeout = self.socket_timeout, None
        try:
            if seconds is None:
                await kind.send_packed_command(self, command, check_health)
            else:
                async with asyncio.timeout(seconds):
                    await kind.send_packed_command(self, command, check_health)
        except (RuntimeError, TypeError) as error:
            if any(text in str(error) for text in _LOST):
                raise exceptions.ConnectionError("the connection was lost") from None
            raise
        finally:
            self.socket_timeout = seconds

    return type(kind.__name__, (kind,), {"send_packed_command": send_packed_command, **_packing()})


def adapt_cluster(client: Any) -> None:
    """Let the nodes of a cluster's client, those that it knows and those that it will find, have such connections."""
    kind = client.connection_kwargs["connection_class"] = adapted(client.connection_kwargs["connection_class"])
    for node in client.nodes_manager.startup_nodes.values():
        node.connection_class = kind


def _packing() -> dict[str, Any]:
    try:
        hiredis: Any = import_module("hiredis")
    except ImportError:
        return {}

    def pack_command(_: object, *command: Any) -> list[bytes]:
        name = command[0].split() if isinstance(command[0], str) else (command[0],)
        return [hiredis.pack_command((*name, *command[1:]))]

    return {"pack_command": pack_command}


class KeptConnection:
    """One connection of redis-py's `pool`, kept: for each command the pool does as much as a group of events costs.

    A reply may take so many seconds. One command at a time: while it is not `free`, commands go through the pool.
    """

    def __init__(self, pool: Any, reply_timeout: float) -> None:
        self._pool = pool
        self._patience = reply_timeout
        self._connection: Any = None
        self._watchdog: Watchdog | None = None
        self._limit = Limit()
        self._until = inf
        self.free = True
        """Whether no command is under way."""

    async def ask(self, *command: Any) -> Any:
        """The reply to a command, sent once. TimeoutError, and redis-py's errors."""
        self.free = False
        self._watch()
        try:
            with self._limit:
                connection = await self._ready()
                await connection.send_packed_command(connection.pack_command(*command), check_health=False)
                return await connection.read_response()
        finally:
            self._until, self.free = inf, True

    def _watch(self) -> None:
        """A command begins, and has its time limit."""
        if self._watchdog is None:
            self._loop = asyncio.get_running_loop()
            self._watchdog = Watchdog(self._loop, self._sweep)
        self._until = self._loop.time() + self._patience
        self._watchdog.schedule(self._until)

    def _sweep(self, now: float) -> float:
        if self._until <= now:
            self._until = inf
            self._limit.expire()
        return self._until

    async def _ready(self) -> Any:
        """The connection, with nothing in it that belongs to no command; the sending opens it if it is closed."""
        if self._connection is None:
            self._connection = await self._pool.get_connection()
            self._connection.socket_timeout = None  # one timeout for the whole is enough
        elif self._connection.is_connected and await self._connection.can_read():
            await self._connection.disconnect(nowait=True)
        return self._connection

    def close(self) -> None:
        """Watch no more; the pool closes the connection."""
        if self._watchdog is not None:
            self._watchdog.stop()
