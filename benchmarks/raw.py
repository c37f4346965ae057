"""aiohttp without a client around it: T, the yardstick, and the plainest usage."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Coroutine, Iterable, Iterator
from typing import Any

import aiohttp

from .contender import Idle, Place
from .load import CONNECTIONS, HEADERS, PATH, Mix, bodies, event

__all__ = ["Naive", "Tuned", "Work", "over", "trusting"]

Work = Callable[[Iterable[int]], Coroutine[Any, Any, None]]


def trusting(place: Place) -> ssl.SSLContext | None:
    """The verification of a TLS responder's certificate."""
    return None if place.authority is None else ssl.create_default_context(cafile=place.authority)


async def over(units: int, workers: int, work: Work) -> None:
    """Let `workers` tasks share so many units."""
    turns = iter(range(units))
    async with asyncio.TaskGroup() as group:
        for _ in range(workers):
            group.create_task(work(turns))


class Tuned(Idle):
    """T: one session, 64 connections, prepared bytes, no timeout, body not read, no records."""

    def __init__(self, place: Place, connections: int = CONNECTIONS, mix: Mix = "plain") -> None:
        self._bodies: Iterator[bytes] = bodies(mix)
        self._url = place.url + PATH
        self._ssl = trusting(place)
        self._connections = connections

    async def open(self) -> None:
        """Open the session."""
        self.session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._connections, ssl=self._ssl or True),
            headers=HEADERS,
            timeout=self.timeout(),
        )

    def timeout(self) -> aiohttp.ClientTimeout:
        """None at all."""
        return aiohttp.ClientTimeout(total=None)

    async def run(self, units: int) -> None:
        """Post bytes so many times."""
        await over(units, self._connections, self._post)

    async def _post(self, turns: Iterable[int]) -> None:
        post, url, following = self.session.post, self._url, self._bodies
        for _ in turns:
            response = await post(url, data=next(following))
            response.release()

    async def close(self) -> None:
        """Close the session."""
        await self.session.close()


class Naive(Tuned):
    """As aiohttp's examples show it: encode, post, read the JSON, with the default timeout."""

    def timeout(self) -> aiohttp.ClientTimeout:
        """aiohttp's own."""
        return aiohttp.ClientTimeout(total=300, sock_connect=30)

    async def _post(self, turns: Iterable[int]) -> None:
        for _ in turns:
            async with self.session.post(self._url, json=event()) as response:
                await response.json()
