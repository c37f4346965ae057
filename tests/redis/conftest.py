"""One server of each kind for all tests of a process, and a separate stream name for each test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from tests.redis.servers import KINDS, Server

_numbers = itertools.count(1)


@pytest.fixture(scope="session", params=sorted(KINDS))
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server that the tests share; each uses its own stream name, and a test that kills a server starts its own."""
    with Server(request.param, appendonly="everysec") as running:
        yield running


@pytest.fixture(params=sorted(KINDS))
def kind(request: pytest.FixtureRequest) -> str:
    """The kinds of servers, for tests that start one."""
    kind: str = request.param
    return kind


@pytest.fixture
def name() -> str:
    """A stream name that no other test uses."""
    return f"test-{next(_numbers)}"
