"""A transport that is built at its first exchange: once for all concurrent exchanges, and not after a close."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from hellotext_async._wire.call import Request
from hellotext_async.transport import Transport, Unanswered
from hellotext_async.transport.deferred import DeferredTransport
from tests.harness.transport import Script

REQUEST = Request("GET", "/v1/profiles/x", None)
MODULE = "hellotext_async.transport.pool"
closed = threading.Event()
"""Set when the transport was closed; the import lasts until then."""


async def test_exchanges_that_begin_together_build_one_transport() -> None:
    """The second exchange waits until the first has built it."""
    built: list[Transport] = []

    def build() -> Transport:
        built.append(Script())
        return built[-1]

    transport = DeferredTransport(MODULE, build)
    replies = await asyncio.gather(*(transport.exchange(REQUEST, total=5) for _ in range(3)))
    assert [reply.status for reply in replies] == [200, 200, 200]
    assert len(built) == 1
    await transport.aclose()


async def test_a_close_while_it_is_built_builds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The exchange that would have been the first does not begin."""
    (tmp_path / "imported_slowly.py").write_text(f"from {__name__} import closed; closed.wait(30)")
    monkeypatch.syspath_prepend(tmp_path)
    transport = DeferredTransport("imported_slowly", Script)
    first = asyncio.ensure_future(transport.exchange(REQUEST, total=5))
    await asyncio.sleep(0)
    transport.abort()
    closed.set()
    with pytest.raises(Unanswered) as error:
        await first
    assert (error.value.sent, error.value.reason) == (False, "closed")
