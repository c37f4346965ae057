"""Fixtures for the test suites of users: an emulator of the API, and a client of it.

Nothing of the package and no HTTP library is imported until a fixture is used.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .client import Hellotext
    from .emulator import Emulator

try:
    from pytest_asyncio import fixture
except ImportError:  # without pytest-asyncio the fixtures are plain ones, which anyio's plugin runs
    from pytest import fixture

__all__ = ["hellotext_client", "hellotext_emulator"]


@fixture
async def hellotext_emulator() -> AsyncIterator[Emulator]:
    """A fresh emulator of the API on loopback: ``.url``, ``.token``, ``.events``, ``.faults`` …"""
    from .emulator import Emulator

    async with Emulator() as emulator:
        yield emulator


@fixture
async def hellotext_client(hellotext_emulator: Emulator) -> AsyncIterator[Hellotext]:
    """A client of `hellotext_emulator`."""
    from .client import Hellotext

    async with Hellotext(hellotext_emulator.token, base_url=hellotext_emulator.url) as client:
        yield client
