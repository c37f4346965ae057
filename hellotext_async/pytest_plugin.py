"""Fixtures for pytest: `hellotext_emulator`, and `hellotext_client`, which talks to it.

Rules. pytest loads this in every run of whoever has the package installed, so nothing of ours and
no HTTP library is imported before a fixture is used. The fixtures run under pytest-asyncio (in
both of its modes) or, where that is not installed, under anyio's plugin.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest import fixture

    from .client import Hellotext
    from .emulator import Emulator
else:
    try:
        from pytest_asyncio import fixture
    except ImportError:
        from pytest import fixture

__all__ = ["hellotext_client", "hellotext_emulator"]


@fixture
async def hellotext_emulator() -> AsyncIterator[Emulator]:
    """An emulated Hellotext API on loopback, empty and its own for every test."""
    from .emulator import Emulator

    async with Emulator() as emulator:
        yield emulator


@fixture
async def hellotext_client(hellotext_emulator: Emulator) -> AsyncIterator[Hellotext]:
    """An open client of `hellotext_emulator`."""
    from .client import Hellotext

    async with Hellotext(hellotext_emulator.token, base_url=hellotext_emulator.url) as client:
        yield client
