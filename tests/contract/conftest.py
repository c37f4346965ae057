"""Every transport, over http and https, on every event loop: tests that each of them must pass."""

from __future__ import annotations

import ssl
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from typing import Any, TypeAlias

import pytest
import trustme

from hellotext_async.config import Timeouts, Token
from hellotext_async.transport import Transport
from hellotext_async.transport.event_transport import EventTransport
from hellotext_async.transport.pool import Pool
from tests.conftest import LOOPS, LoopFactory, loop_factory
from tests.harness.canary import TOKEN
from tests.harness.credentials import Credentials
from tests.harness.server import ScriptedServer

Opens: TypeAlias = Callable[..., Transport]
Serves: TypeAlias = Callable[..., ScriptedServer]

KINDS: dict[str, type[Pool] | type[EventTransport]] = {"pool": Pool, "events": EventTransport}


@pytest.hookimpl(tryfirst=True)
def pytest_asyncio_loop_factories() -> Mapping[str, LoopFactory]:
    """Both loops, whatever `--loop` is: they notice socket events at different moments."""
    return {name: loop_factory(name) for name in LOOPS["asyncio" if sys.platform == "win32" else "both"]}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """The name of the transport under test."""
    return str(request.param)


def open_kind(kind: str, url: str, *, credentials: Any = None, **changes: Any) -> Transport:
    """A transport of this kind to a URL."""
    settings: dict[str, Any] = {
        "timeouts": Timeouts(connect=30, read=30, total=30),
        "concurrency": 10,
        "response_bytes": 1 << 20,
        "user_agent": "contract",
        **changes,
    }
    return KINDS[kind](url, credentials or Credentials(Token(TOKEN)), **settings)


@pytest.fixture(params=["http", "https"])
def scheme(request: pytest.FixtureRequest) -> str:
    """The scheme of a test's servers."""
    return str(request.param)


@pytest.fixture(scope="session")
def contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The TLS contexts of the servers and of the clients that trust them."""
    authority = trustme.CA()
    served, trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(served)
    authority.configure_trust(trusting)
    return served, trusting


@pytest.fixture
def tls(scheme: str, contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> ssl.SSLContext | None:
    """The server's TLS context for this scheme."""
    return contexts[0] if scheme == "https" else None


@pytest.fixture
def serve(tls: ssl.SSLContext | None) -> Serves:
    """A factory of scripted servers, over http and over https."""
    return partial(ScriptedServer, tls=tls)


@pytest.fixture
async def opened(kind: str, contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> AsyncIterator[Opens]:
    """A factory of transports to a URL, which closes them after the test."""
    made: list[Transport] = []

    def make(url: str, **changes: Any) -> Transport:
        made.append(open_kind(kind, url, **{"ssl_context": contexts[1], **changes}))
        return made[-1]

    yield make
    for transport in made:
        await transport.aclose()
