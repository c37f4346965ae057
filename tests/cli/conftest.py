"""What the tests of commands share."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from hellotext_async.emulator import Emulator
from tests.harness.canary import TOKEN


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    """An emulator that knows the token which commands are started with."""
    async with Emulator(token=TOKEN) as one:
        yield one
