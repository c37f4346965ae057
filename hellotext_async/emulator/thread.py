"""Serve an emulator from a daemon thread with an event loop of its own."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Protocol, TypeVar

from anyio.from_thread import start_blocking_portal

__all__ = ["served_in_thread"]


class Server(Protocol):
    """What can be started and stopped, in the loop that serves."""

    async def start(self) -> object:
        """Start listening."""
        ...

    async def aclose(self) -> None:
        """Stop listening."""
        ...


S = TypeVar("S", bound=Server)


@contextmanager
def served_in_thread(server: S) -> Generator[S]:
    """`server`, started and stopped in the thread's loop; an error of starting is raised here."""
    with start_blocking_portal(name="hellotext-emulator") as portal:
        portal.call(server.start)
        try:
            yield server
        finally:
            portal.call(server.aclose)
