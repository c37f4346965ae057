"""httpx, or httpx2, at its best: several clients of 8 connections, whose pools stay short to search."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from importlib import import_module
from typing import Any, Final

from .contender import Idle, Place
from .load import BODY, CONNECTIONS, HEADERS, PATH
from .raw import Work, over, trusting

__all__ = ["Clients"]

EACH: Final = 8


class Clients(Idle):
    """Eight clients that share the work."""

    def __init__(self, place: Place, module: str = "httpx") -> None:
        self._module: Any = import_module(module)
        self._url = place.url + PATH
        self._verify = trusting(place) or True

    async def open(self) -> None:
        """Open the clients."""
        limits = self._module.Limits(max_connections=EACH, max_keepalive_connections=EACH)
        self._clients = [
            self._module.AsyncClient(headers=HEADERS, limits=limits, timeout=None, verify=self._verify, trust_env=False)
            for _ in range(CONNECTIONS // EACH)
        ]

    async def run(self, units: int) -> None:
        """Post the same bytes so many times."""
        share = -(-units // len(self._clients))
        async with asyncio.TaskGroup() as group:
            for client in self._clients:
                group.create_task(over(min(share, units), EACH, self._posting(client)))
                units -= min(share, units)

    def _posting(self, client: Any) -> Work:
        async def post(turns: Iterable[int]) -> None:
            for _ in turns:
                await client.post(self._url, content=BODY)

        return post

    async def close(self) -> None:
        """Close the clients."""
        for client in self._clients:
            await client.aclose()
