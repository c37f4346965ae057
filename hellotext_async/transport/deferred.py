"""A transport that is built at its first exchange: a thread imports aiohttp, which takes a tenth of a second."""

from __future__ import annotations

import asyncio
from importlib import import_module
from math import inf
from typing import TYPE_CHECKING

from .._wire.call import mark_unsent
from . import Unanswered

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._wire.call import Reply, Request
    from . import Transport

__all__ = ["DeferredTransport"]


class DeferredTransport:
    """Imports `module` in a thread, then calls `build` and is that transport."""

    def __init__(self, module: str, build: Callable[[], Transport]) -> None:
        self._module = module
        self._build = build
        self._transport: Transport | None = None
        self._building = asyncio.Lock()
        self._closed = False

    async def exchange(self, request: Request, /, *, total: float, not_after: float = inf) -> Reply:
        """The reply of the transport; the time that building takes is part of `total`."""
        transport = self._transport
        if transport is None:
            begun = asyncio.get_running_loop().time()
            try:
                transport = await self._built()
            except asyncio.CancelledError as error:
                mark_unsent(error)
                raise
            total -= asyncio.get_running_loop().time() - begun
        return await transport.exchange(request, total=total, not_after=not_after)

    async def _built(self) -> Transport:
        async with self._building:
            if self._transport is None:
                await asyncio.get_running_loop().run_in_executor(None, import_module, self._module)
                if self._closed:
                    raise Unanswered(False, "closed")
                self._transport = self._build()
            return self._transport

    def abort(self) -> None:
        """Close every connection at once, and build none any more."""
        self._closed = True
        if self._transport is not None:
            self._transport.abort()

    async def aclose(self) -> None:
        """Close every connection; safe to call twice."""
        self.abort()
        if self._transport is not None:
            await self._transport.aclose()
