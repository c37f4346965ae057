"""One emulator for all pages, and one server for the stream."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hellotext_async.emulator import Emulator
from tests.redis.servers import Server


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    """An emulator in a thread of its own, with the objects of the document's examples."""
    with Emulator.in_thread() as one:
        one.store.seed_document()
        yield one


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """Where a Valkey server is."""
    with Server("valkey", appendonly="everysec") as server:
        yield server.url
