"""The emulator that these tests talk to."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from hellotext_async.emulator import Emulator


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    """One with nothing in it."""
    async with Emulator() as emulator:
        yield emulator
