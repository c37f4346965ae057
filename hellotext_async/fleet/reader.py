"""Reads the events of the shards that a worker owns: each from where it stopped, as far as there is room for them.

Rules. It polls, quickly while events come and slowly when none do: no read blocks on the server. It
never reads an event twice in one tenure.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

import msgspec

from .commands import OVERHEAD
from .link import Unreachable
from .record import Stored, decode

if TYPE_CHECKING:
    from .commands import Commands
    from .tenure import Tenure

__all__ = ["Item", "Reader"]

SHORTEST, LONGEST = 0.01, 0.25
AT_ONCE: Final = 256
"""Entries of one shard in one reply, at most."""


class Item(msgspec.Struct, gc=False):
    """One entry as it was read, until it has ended: the bytes counted for it; `stored` is None if it is no event;
    whether it was `counted` as another process's, and how many owners were lost while it was in flight.
    """

    tenure: Tenure
    entry: str
    stored: Stored | None
    size: int
    counted: bool = False
    lost_owners: int = 0


class Reader:
    """What was read and not yet taken."""

    def __init__(
        self,
        commands: Commands,
        tenures: Callable[[], Iterable[Tenure]],
        on_items: Callable[[list[Item]], None],
        *,
        most: int,
        most_bytes: int,
    ) -> None:
        self._commands = commands
        self._tenures = tenures
        self._on_items = on_items
        self._most, self._most_bytes = most, most_bytes
        self._wake = asyncio.Event()
        self.items: deque[Item] = deque()
        self._bytes = 0
        self._mean = 512.0

    def wake(self) -> None:
        """There may be something to read, or there is room."""
        self._wake.set()

    def take(self) -> Item:
        """The oldest that was read."""
        item = self.items.popleft()
        self._bytes -= item.size
        if not self.items:
            self._wake.set()
        return item

    async def run(self) -> None:
        """Read, again and again."""
        pause = SHORTEST
        while True:
            try:
                async with asyncio.timeout(pause):
                    await self._wake.wait()
                pause = SHORTEST
            except TimeoutError:
                pass
            self._wake.clear()
            try:
                found = await self._read()
            except Unreachable:
                found = []
            if found:
                self._on_items(found)
                pause = SHORTEST
            else:
                pause = min(LONGEST, pause * 1.6)

    async def _read(self) -> list[Item]:
        tenures = {tenure.shard: tenure for tenure in self._tenures() if tenure.active}
        room = min(self._most - len(self.items), int((self._most_bytes - self._bytes) / self._mean))
        if not tenures or room < min(self._most // 2, len(tenures)):
            return []
        count = max(1, min(AT_ONCE, room // len(tenures)))
        events = self._commands.layout.events
        names = {events(shard).encode(): tenure for shard, tenure in tenures.items()}
        cursors = [(events(shard), tenure.cursor) for shard, tenure in tenures.items()]
        found: list[Item] = []
        for name, entries in await self._commands.link.read(cursors, count):
            tenure = names[name]
            if tenure.active:
                found += [self._item(tenure, entry.decode(), fields) for entry, fields in entries]
        self.items.extend(found)
        return found

    def _item(self, tenure: Tenure, entry: str, fields: Any) -> Item:
        field = _field(fields)
        size = len(field or b"") + OVERHEAD
        self._mean += (size - self._mean) / 64
        self._bytes += size
        tenure.cursor = entry
        tenure.entries[entry] = None
        return Item(tenure, entry, decode(field), size)


def _field(fields: dict[bytes, bytes] | list[bytes]) -> bytes | None:
    """The one that is ours, of fields as redis-py or the server gives them."""
    if isinstance(fields, list):
        if fields[0] == b"e":
            return fields[1]
        fields = dict(zip(fields[::2], fields[1::2], strict=True))
    return fields.get(b"e")
