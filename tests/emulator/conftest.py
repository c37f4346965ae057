"""An emulator with the document's objects, and ways to send requests to it."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from typing import Any, Protocol

import aiohttp
import pytest

from hellotext_async.emulator import Emulator

__all__ = ["Ask", "Send", "kinds"]


class Ask(Protocol):
    """Sends a query (GET) or a JSON body; returns the status and the answer."""

    async def __call__(self, method: str, path: str, /, **parameters: Any) -> tuple[int, Any]: ...


class Send(Protocol):
    """Sends a body unchanged; returns the status and the answer."""

    async def __call__(self, method: str, path: str, body: bytes = b"", /, **headers: str) -> tuple[int, Any]: ...


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    """An emulator with the document's objects."""
    async with Emulator() as emulator:
        emulator.store.seed_document()
        yield emulator


@pytest.fixture
async def session(emulator: Emulator) -> AsyncIterator[aiohttp.ClientSession]:
    """An aiohttp session with the token."""
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {emulator.token}"}) as session:
        yield session


@pytest.fixture
def ask(emulator: Emulator, session: aiohttp.ClientSession) -> Ask:
    """``await ask(method, path, **parameters)``."""

    async def asking(method: str, path: str, /, **parameters: Any) -> tuple[int, Any]:
        how: Any = {"params": parameters} if method == "GET" else {"json": parameters}
        async with session.request(method, emulator.url + path, **how) as response:
            return response.status, await response.json()

    return asking


@pytest.fixture
def send(emulator: Emulator, session: aiohttp.ClientSession) -> Send:
    """``await send(method, path, body)``; a form, unless a header says otherwise."""

    async def sending(method: str, path: str, body: bytes = b"", /, **headers: str) -> tuple[int, Any]:
        headers.setdefault("Content_Type", "application/x-www-form-urlencoded")
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with session.request(method, emulator.url + path, data=io.BytesIO(body), headers=named) as response:
            return response.status, await response.json()

    return sending


def kinds(answer: Any) -> list[tuple[str, str | None]]:
    """Type and parameter of each error."""
    return [(error["type"], error["parameter"]) for error in answer["errors"]]
