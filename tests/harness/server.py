"""A raw HTTP server that plays its scripts, and records what it received.

Rules. The script of a request is, in this order: the one set for its number with `on`, the next
of `upcoming`, what `hook` returns for it, the default. A request gets its number when its first
byte comes.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Callable, Iterable

from .connection import Connection
from .listener import Listener
from .scripts import READ, Steps, received
from .seen import History, Seen

__all__ = ["Hook", "ScriptedServer"]

Hook = Callable[[Seen], Steps | None]


class ScriptedServer(Listener):
    """A server on a free loopback port, for use as `async with`.

    `history` holds every request whose head was read, `history.applied` those that were applied;
    `begun` counts all of which a byte came.
    """

    def __init__(
        self, default: Steps | None = None, *, hook: Hook | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        super().__init__(tls)
        self.default = received() if default is None else default
        self.hook = hook
        self.history = History()
        self.begun = 0
        self._on: dict[int, Steps] = {}
        self._on_connection: dict[int, Steps] = {}
        self._upcoming: deque[Steps] = deque()

    def on(self, numbers: int | Iterable[int], script: Steps) -> None:
        """Play `script` for the requests with these numbers, counted from 1."""
        self._on |= dict.fromkeys([numbers] if isinstance(numbers, int) else numbers, script)

    def on_connection(self, numbers: int | Iterable[int], script: Steps) -> None:
        """Play `script` when the connections with these numbers are accepted, before anything is read."""
        self._on_connection |= dict.fromkeys([numbers] if isinstance(numbers, int) else numbers, script)

    def upcoming(self, *scripts: Steps) -> None:
        """Play these for the next requests that have none of their own, one each."""
        self._upcoming.extend(scripts)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    async def serve(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer request after request until the connection breaks."""
        connection = Connection(number, reader, writer, self.history)
        await _play(self._on_connection.get(number, ()), connection)
        while True:
            await self._answer(connection)

    async def _answer(self, connection: Connection) -> None:
        await connection.more()
        self.begun += 1
        connection.begin(self.begun)
        await _play(await self._script(connection), connection)
        await connection.read_body()

    async def _script(self, connection: Connection) -> Steps:
        if (own := self._on.get(connection.seen.number)) is not None:
            return own
        if self._upcoming:
            return self._upcoming.popleft()
        if self.hook is None:
            return self.default
        await _play(READ, connection)
        found = self.hook(connection.seen)
        return self.default if found is None else found


async def _play(script: Steps, connection: Connection) -> None:
    for step in script:
        await step(connection)
