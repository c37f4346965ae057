"""Every transport, for tests that each of them must pass."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any, TypeAlias

import pytest

from hellotext_async.config import Timeouts, Token
from hellotext_async.transport import Transport
from hellotext_async.transport.event_transport import EventTransport
from hellotext_async.transport.pool import Pool
from tests.harness.canary import TOKEN

Opens: TypeAlias = Callable[..., Transport]

KINDS: dict[str, type[Pool] | type[EventTransport]] = {"pool": Pool, "events": EventTransport}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """The name of the transport under test."""
    return str(request.param)


def open_kind(kind: str, url: str, *, credentials: Any = None, **changes: Any) -> Transport:
    """A transport of this kind to a URL."""
    settings: dict[str, Any] = {
        "timeouts": Timeouts(connect=2, read=5, total=5),
        "concurrency": 10,
        "response_bytes": 1 << 20,
        "user_agent": "contract",
        **changes,
    }
    return KINDS[kind](url, credentials or Token(TOKEN), **settings)


@pytest.fixture
async def opened(kind: str) -> AsyncIterator[Opens]:
    """Makes transports to a URL, and closes them after the test."""
    made: list[Transport] = []

    def make(url: str, **changes: Any) -> Transport:
        made.append(open_kind(kind, url, **changes))
        return made[-1]

    yield make
    for transport in made:
        await transport.aclose()
