"""The emulator that these tests send requests to."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from hellotext_async.emulator import Emulator


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    """An empty emulator."""
    async with Emulator() as emulator:
        yield emulator
